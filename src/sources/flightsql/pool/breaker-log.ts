import type { Logger } from '../../../query/types.ts'
import type { BreakerState } from './circuit-breaker.ts'

/**
 * Logs the states of an address's breaker: a warning when it opens, and a line when it closes again. The probes between, every
 * five seconds for as long as the server does not answer, and what each comes to, are told on `debug`.
 */
export function breakerLog(log: Logger, address: string): (state: BreakerState) => void {
  let isClosed = true
  return (state) => {
    const level = state === 'closed' ? 'info' : state === 'open' && isClosed ? 'warn' : 'debug'
    isClosed = state === 'closed'
    log[level]({ event: 'breaker', address, state }, `the circuit breaker is ${state}`)
  }
}
