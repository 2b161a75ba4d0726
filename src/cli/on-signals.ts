import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { ExitCode } from './exit-code.ts'

const SIGNAL_BASE = 128
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const

/** What ends when the process gets a signal. */
export interface Ending {
  /** @returns number of calls and transactions that were cut off */
  drain(notReadyMs: number): Promise<number>
  /** Stops at once, within a time limit. */
  stop(): Promise<void>
  exit(code: number): void
}

/** Ends the gateway on SIGTERM and SIGINT: the first signal drains, a second one stops at once. @param times of the drain */
export function onSignals(times: () => Config['drain'], log: Logger, { drain, stop, exit }: Ending): void {
  let draining = false
  let stopping = false
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (draining) {
      if (stopping) return
      stopping = true
      log.warn({ event: 'stop', signal }, 'second signal: stopping at once')
      const end = () => exit(SIGNAL_BASE + signalNumbers[signal])
      stop().then(end, end)
      return
    }
    draining = true
    const { graceMs, notReadyMs: untilNotReadyMs } = times()
    // On Ctrl-C there is no load balancer to wait for.
    const notReadyMs = signal === 'SIGINT' ? 0 : untilNotReadyMs
    log.info({ event: 'drain', signal, notReadyMs, graceMs }, 'draining: a second signal stops at once')
    drain(notReadyMs).then(
      (cut) => {
        if (stopping) return
        log.info({ event: 'stop', cut }, cut > 0 ? `stopped; ${cut} calls or transactions were cut off` : 'stopped')
        exit(cut > 0 ? ExitCode.callsCutOff : ExitCode.ok)
      },
      (err) => {
        if (stopping) return
        log.fatal({ event: 'stop', err }, 'stopping failed')
        exit(ExitCode.failed)
      },
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}
