import type { Logger } from '../../../query/types.ts'
import { Breaker, type BreakerState } from './circuit-breaker.ts'
import type { EndpointObserver } from './endpoint.ts'

/**
 * Logs the states of the circuit breaker of an address: a warning when the breaker opens, and a line when it closes again. The
 * probes between them, one every five seconds while the server does not answer, are logged at `debug`.
 */
export function breakerLog(log: Logger, address: string): (state: BreakerState) => void {
  let isClosed = true
  return (state) => {
    const level = state === 'closed' ? 'info' : state === 'open' && isClosed ? 'warn' : 'debug'
    isClosed = state === 'closed'
    log[level]({ event: 'breaker', address, state }, `the circuit breaker is ${state}`)
  }
}

/** The circuit breaker of an address, whose states are logged and counted. */
export function loggedBreaker(source: string, address: string, log: Logger, observer: EndpointObserver): Breaker {
  const tell = breakerLog(log, address)
  return new Breaker(source, (state) => {
    observer.onBreaker(address, state)
    tell(state)
  })
}
