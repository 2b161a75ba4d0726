import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { Reloads } from '../gateway/reload/reloads.ts'
import { StartError } from '../gateway/start-error.ts'
import { configOfWorkers, needsSharedLedger } from '../gateway/workers/worker-config.ts'
import { createLogger, setLogLevel } from '../ops/log.ts'
import { ReloadMetrics } from '../ops/metrics/reload-metrics.ts'
import { WorkerMetrics } from '../ops/processes/worker-metrics.ts'
import { WorkerPool, WorkersFailure } from '../workers/worker-pool.ts'
import { ExitCode } from './exit-code.ts'
import { logReady } from './log-ready.ts'
import { onSignals } from './on-signals.ts'

/** Longest wait for the workers to stop, in milliseconds. */
const MAX_STOP_MS = 2000

/**
 * Serves by several workers until a signal.
 * @param load reads the configuration again, for a reload
 * @param startedAt time at which the start began, of `performance.now()`
 */
export async function serveWorkers(config: Config, load: () => Config, startedAt: number): Promise<void> {
  const log = await createLogger(config.log)
  for (const warning of config.warnings) log.warn({ event: 'config' }, warning)
  const ledgerFolder = needsSharedLedger(config) ? mkdtempSync(join(tmpdir(), 'flightgate-ledger-')) : undefined
  if (ledgerFolder !== undefined) process.once('exit', () => rmSync(ledgerFolder, { recursive: true, force: true }))
  const metrics = new WorkerMetrics({ readyCount: () => pool.readyCount, configured: config.workers })
  const forWorkers = configOfWorkers(ledgerFolder)
  let hasGivenUp = false
  const pool = new WorkerPool({
    config: forWorkers(config),
    log,
    metrics: () => metrics.read(),
    listener: {
      onReload: (...asked) => reloads.reload(...asked),
      onRestart: (reason) => metrics.onRestart(reason),
      onGiveUp() {
        if (hasGivenUp) return
        hasGivenUp = true
        log.fatal(
          { event: 'stop' },
          'workers end again and again: the gateway drains the others and ends. The lines above say how each ended',
        )
        reloads.end()
        pool.drain(0).finally(() => process.exit(ExitCode.failed))
      },
    },
  })
  const reloads = new Reloads({
    config,
    load,
    async prepare(next) {
      const prepared = await pool.prepare(forWorkers(next)).catch((error: unknown) => {
        throw error instanceof WorkersFailure ? new StartError(error.message) : error
      })
      return {
        apply() {
          setLogLevel(log, next.log.level)
          prepared.apply()
          // Each worker logs what could not follow.
          return []
        },
        abandon: prepared.abandon,
      }
    },
    metrics: new ReloadMetrics(metrics.registry),
    audit: (...ended) => pool.auditReload(...ended),
    log,
  })
  const started = Promise.withResolvers<void>()
  // A signal during the start waits for its end.
  process.on('SIGHUP', () => void started.promise.then(() => reloads.reload('SIGHUP')))
  try {
    const addresses = await pool.start()
    logReady(config, addresses, startedAt, log, { workers: config.workers, pids: pool.pids })
  } catch (error) {
    if (!(error instanceof WorkersFailure)) throw error
    const { message, isKnown, workerStack } = error
    const details = isKnown && !log.isLevelEnabled('debug') ? {} : { err: { message, stack: workerStack } }
    log.fatal({ event: 'start', ...details }, `the gateway could not start${isKnown ? `: ${message}` : ''}`)
    process.exit(ExitCode.failed)
  }
  started.resolve()
  onSignals(() => reloads.config.drain, log, {
    async drain(notReadyMs) {
      reloads.end()
      const { cut, isClean } = await pool.drain(notReadyMs)
      if (!isClean) throw new Error('a worker did not end by itself')
      return cut
    },
    stop: () => pool.stop(MAX_STOP_MS),
    exit: (code) => process.exit(code),
  })
}
