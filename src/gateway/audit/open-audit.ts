import { type Logger, symbols } from 'pino'
import type { Scope } from '../../async/scope.ts'
import type { Config } from '../../config/config.ts'
import { LineFile } from '../../ops/audit/line-file.ts'
import type { Metrics } from '../../ops/metrics.ts'
import type { AuditTrail } from '../../query/audit/audit-trail.ts'
import type { Source } from '../../query/source.ts'
import { startError } from '../start-error.ts'
import { AuditLog, type LineSink } from './audit-log.ts'
import { tablesOf } from './statement-tables.ts'

/** Parts that the audit log uses. */
export interface AuditParts {
  readonly config: Pick<Config, 'auditLog'>
  sourceNamed(name: string): Source
  readonly metrics: Metrics
  /** Number of this process, if it is one of several workers. */
  readonly worker: number | undefined
  readonly log: Logger
}

/** The system writes so many bytes to a pipe at once (PIPE_BUF), so that lines of several processes do not mix. */
const MAX_STDOUT_LINE_BYTES = 4095
const MAX_FILE_LINE_BYTES = 65_535

/**
 * Opens the audit log; undefined if there is none. The scope closes it. SIGHUP opens the file anew, after another tool has renamed it.
 * @throws StartError about `auditLog.file`
 */
export async function openAudit(parts: AuditParts, scope: Scope): Promise<AuditTrail | undefined> {
  const { config, sourceNamed, metrics, worker, log } = parts
  const { auditLog: settings } = config
  if (!settings) return undefined
  const trailOf = (sink: LineSink) =>
    new AuditLog({
      settings,
      sink,
      tablesOf: (ended) => tablesOf(ended, sourceNamed(ended.source)),
      metrics: metrics.audit,
      base: { pid: process.pid, ...(worker !== undefined && { worker }) },
    })
  if (settings.file === 'stdout') {
    metrics.audit.begin({ isUp: () => true, pendingBytes: () => 0 })
    const trail = trailOf(stdoutSink(log))
    scope.defer(() => trail.settle())
    return trail
  }
  const file = await LineFile.open({
    path: settings.file,
    maxPendingBytes: settings.maxPendingBytes,
    observer: {
      onFailure({ message }) {
        const then =
          settings.onError === 'refuse' ? 'statements are refused' : 'lines wait, and are lost once too many wait'
        log.error({ event: 'audit', reason: message }, `the audit log cannot be written; ${then}: ${message}`)
      },
      onRecovery(lost) {
        log.warn({ event: 'audit', lost }, 'the audit log can be written again')
        if (lost > 0) trail.record('lines_lost', undefined, { count: lost })
      },
      onLost: (count) => metrics.audit.onLost(count),
    },
  }).catch((error: unknown) => {
    throw startError('auditLog.file', error)
  })
  const trail = trailOf({
    maxLineBytes: MAX_FILE_LINE_BYTES,
    get failure() {
      return file.failure
    },
    write: (line) => file.write(line),
  })
  metrics.audit.begin({ isUp: () => !file.failure, pendingBytes: () => file.pendingBytes })
  const reopen = () => file.reopen()
  process.on('SIGHUP', reopen)
  scope.defer(async () => {
    process.off('SIGHUP', reopen)
    await trail.settle()
    await file.close()
  })
  return trail
}

/** Among the lines of the log: its stream alone knows how to write to standard output without mixing lines. */
function stdoutSink(log: Logger): LineSink {
  const stream = (log as unknown as Record<symbol, { write(line: string): void }>)[symbols.streamSym]!
  return { maxLineBytes: MAX_STDOUT_LINE_BYTES, failure: undefined, write: (line) => stream.write(`${line}\n`) }
}
