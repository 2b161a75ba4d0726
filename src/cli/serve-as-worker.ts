import type { Logger } from 'pino'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import type { PreparedReload } from '../gateway/reload/reloads.ts'
import { StartError } from '../gateway/start-error.ts'
import { exitProcess } from '../ops/exit-process.ts'
import { createLogger } from '../ops/log.ts'
import { PrimaryLink } from '../workers/primary-link.ts'
import { ExitCode } from './exit-code.ts'

/** Longest wait for the engines to stop, in milliseconds. */
const MAX_STOP_MS = 1000

/** Serves as one of several workers until the primary process says otherwise, or ends. */
export async function serveAsWorker(): Promise<void> {
  let gateway: Gateway | undefined
  let log: Logger | undefined
  const exit = (code: number) => exitProcess({ code, hasActiveThreads: gateway?.hasActiveThreads ?? false })
  // The primary process forwards signals: a terminal and a service manager send them to the workers too.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('SIGHUP', () => {})
  const prepared = new Map<number, PreparedReload>()
  const link = new PrimaryLink({
    drain: (notReadyMs) => {
      if (!gateway) exit(ExitCode.ok)
      else
        gateway.drain(notReadyMs).then(
          async (cut) => {
            await link.drained(cut)
            exit(ExitCode.ok)
          },
          (err) => {
            log?.fatal({ event: 'stop', err }, 'stopping failed')
            exit(ExitCode.failed)
          },
        )
    },
    stop: () => {
      const end = () => exit(ExitCode.ok)
      setTimeout(end, MAX_STOP_MS)
      if (gateway) gateway.stop().then(end, end)
      else end()
    },
    async prepare(reload, next) {
      try {
        prepared.set(reload, await gateway!.prepareReload(next))
        return undefined
      } catch (error) {
        if (error instanceof StartError) return error.message
        log!.error({ event: 'reload', err: error }, 'the reload failed')
        return 'the reload failed in a worker; the log says why'
      }
    },
    apply(reload) {
      prepared.get(reload)?.apply()
      prepared.delete(reload)
    },
    abandon(reload) {
      prepared
        .get(reload)
        ?.abandon()
        .catch(() => {})
      prepared.delete(reload)
    },
    auditReload: (...ended) => gateway?.auditReload(...ended),
    orphaned: () => {
      log?.fatal({ event: 'stop' }, 'the primary process has ended, and so does this worker')
      exit(ExitCode.failed)
    },
  })
  const { worker, config } = await link.started
  log = await createLogger(config.log, { worker })
  try {
    gateway = await startGateway(config, log, undefined, undefined, {
      worker,
      state: link.state,
      onCollect: (collect) => link.onCollect(collect),
      gatherMetrics: () => link.gatherMetrics(),
      reload: (...asked) => link.reload(...asked),
    })
  } catch (error) {
    const { message, stack } = error as Error
    await link.failed({ message, isKnown: error instanceof StartError, stack })
    exit(ExitCode.failed)
    return
  }
  link.ready(gateway.addresses)
}
