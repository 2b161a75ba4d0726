import { stdSerializers } from 'pino'
import type { Config } from '../config/config.ts'
import { startGateway } from '../gateway/gateway.ts'
import { StartError } from '../gateway/start-error.ts'
import { exitProcess } from '../ops/exit-process.ts'
import { createLogger } from '../ops/log.ts'
import { ExitCode } from './exit-code.ts'
import { logReady } from './log-ready.ts'
import { onSignals } from './on-signals.ts'

/** Longest wait for the engines to stop, in milliseconds. */
const MAX_STOP_MS = 1000

/**
 * Serves in this process until a signal.
 * @param load reads the configuration again, for a reload
 * @param startedAt time at which the start began, of `performance.now()`
 */
export async function serveAlone(config: Config, load: () => Config, startedAt: number): Promise<void> {
  const log = await createLogger(config.log)
  for (const warning of config.warnings) log.warn({ event: 'config' }, warning)
  let gateway: Awaited<ReturnType<typeof startGateway>>
  const started = Promise.withResolvers<typeof gateway>()
  // A signal during the start waits for its end.
  process.on('SIGHUP', () => void started.promise.then(({ reload }) => reload('SIGHUP')))
  try {
    gateway = await startGateway(config, log, undefined, load)
  } catch (error) {
    const isKnown = error instanceof StartError
    // No client has connected yet, so that the log may show the full error.
    // If a setting is at fault and not the code, a stack would only hide the line that helps.
    const details = isKnown && !log.isLevelEnabled('debug') ? {} : { err: stdSerializers.err(error as Error) }
    log.fatal({ event: 'start', ...details }, `the gateway could not start${isKnown ? `: ${error.message}` : ''}`)
    process.exitCode = ExitCode.failed
    return
  }
  logReady(config, gateway.addresses, startedAt, log)
  const exit = (code: number) => exitProcess({ code, hasActiveThreads: gateway.hasActiveThreads })
  started.resolve(gateway)
  onSignals(() => gateway.config.drain, log, {
    drain: (notReadyMs) => gateway.drain(notReadyMs),
    async stop() {
      // The engine's threads must be idle when the process ends; an interrupt stops them within milliseconds.
      const patience = new Promise((resolve) => setTimeout(resolve, MAX_STOP_MS))
      await Promise.race([gateway.stop(), patience])
    },
    exit,
  })
}
