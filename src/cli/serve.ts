import { stdSerializers } from 'pino'
import { startGateway } from '../gateway/gateway.ts'
import { StartError } from '../gateway/start-error.ts'
import { exitProcess } from '../ops/exit-process.ts'
import { createLogger } from '../ops/log.ts'
import { ExitCode } from './exit-code.ts'
import { readConfig } from './read-config.ts'
import { tryPython } from './try-python.ts'

/** Longest wait for the engines to stop, in milliseconds. */
const MAX_STOP_MS = 1000
const SIGNAL_BASE = 128
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const

/** Serves until a signal: the first one drains, a second one stops at once. */
export async function serve(options: { config?: string }): Promise<void> {
  const startedAt = performance.now()
  const config = readConfig(options)
  if (!config) return
  const log = await createLogger(config.log)
  for (const warning of config.warnings) log.warn({ event: 'config' }, warning)
  let gateway: Awaited<ReturnType<typeof startGateway>>
  try {
    gateway = await startGateway(config, log)
  } catch (error) {
    const isKnown = error instanceof StartError
    // No client has connected yet, so that the log may show the full error.
    // If a setting is at fault and not the code, a stack would only hide the line that helps.
    const details = isKnown && !log.isLevelEnabled('debug') ? {} : { err: stdSerializers.err(error as Error) }
    log.fatal({ event: 'start', ...details }, `the gateway could not start${isKnown ? `: ${error.message}` : ''}`)
    process.exitCode = ExitCode.failed
    return
  }
  const { flight, http } = gateway.addresses
  const scheme = config.tls ? 'grpc+tls' : 'grpc'
  const startMs = Math.round(performance.now() - startedAt)
  log.info(
    {
      event: 'ready',
      flight,
      http,
      startMs,
      sources: Object.keys(config.sources),
      tryPython: tryPython({
        address: flight,
        cert: config.tls?.cert.content,
        needsKey: config.auth.apiKeys.length > 0,
      }),
    },
    `ready in ${startMs} ms: Flight on ${scheme}://${flight}, HTTP on ${config.tls ? 'https' : 'http'}://${http}`,
  )

  const exit = (code: number) => exitProcess({ code, hasActiveThreads: gateway.hasActiveThreads })
  let draining = false
  let stopping = false
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (draining) {
      if (stopping) return
      stopping = true
      log.warn({ event: 'stop', signal }, 'second signal: stopping at once')
      const end = () => exit(SIGNAL_BASE + signalNumbers[signal])
      // The engine's threads must be idle when the process ends; an interrupt stops them within milliseconds.
      setTimeout(end, MAX_STOP_MS)
      gateway.stop().then(end, end)
      return
    }
    draining = true
    // On Ctrl-C there is no load balancer to wait for.
    const notReadyMs = signal === 'SIGINT' ? 0 : config.drain.notReadyMs
    const { graceMs } = config.drain
    log.info({ event: 'drain', signal, notReadyMs, graceMs }, 'draining: a second signal stops at once')
    gateway.drain(notReadyMs).then(
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
