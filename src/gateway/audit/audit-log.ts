import type { AuditLogSettings } from '../../config/sections/audit-log.ts'
import type { AuditMetrics } from '../../ops/metrics/audit-metrics.ts'
import type {
  AuditEventName,
  AuditedCall,
  AuditFields,
  AuditTrail,
  EndedStatement,
} from '../../query/audit/audit-trail.ts'
import { callerFields } from '../../query/audit/caller-fields.ts'
import { maskSecrets } from '../../query/audit/mask-secrets.ts'
import { GatewayError } from '../../query/errors.ts'
import { statementHash } from '../../query/text/statement-hash.ts'
import type { Context } from '../../query/types.ts'
import { auditLine } from './audit-line.ts'
import type { StatementTables } from './statement-tables.ts'

/** Where the lines go. */
export interface LineSink {
  /** Why lines cannot be written now. */
  readonly failure: Error | undefined
  readonly maxLineBytes: number
  write(line: string): void
}

/** Parts that the audit log uses. */
export interface AuditLogParts {
  readonly settings: Pick<AuditLogSettings, 'statements' | 'onError'>
  readonly sink: LineSink
  readonly tablesOf: (ended: EndedStatement) => StatementTables | Promise<StatementTables>
  readonly metrics: AuditMetrics
  /** Members of each line, of one of several processes. */
  readonly base: AuditFields
}

/** Most of a statement's text in a line, in characters. */
const MAX_TEXT_CHARACTERS = 16_384
const MAX_SETTLE_MS = 1000

/** Writes the lines of the audit log; `docs/audit.md` lists them. */
export class AuditLog implements AuditTrail {
  readonly #parts: AuditLogParts
  /** Lines whose statements are still being read. */
  #begun = 0

  constructor(parts: AuditLogParts) {
    this.#parts = parts
  }

  get isRefusing(): boolean {
    const { settings, sink } = this.#parts
    return settings.onError === 'refuse' && sink.failure !== undefined
  }

  admit(): void {
    if (!this.isRefusing) return
    this.#parts.metrics.onRefused()
    throw new GatewayError('AUDIT_UNAVAILABLE')
  }

  record(event: AuditEventName, call: AuditedCall | undefined, fields: AuditFields): void {
    this.#write(event, Date.now(), { ...(call && callerFields(call)), ...fields })
  }

  statementEnded(ended: EndedStatement): void {
    this.#begun++
    this.#writeStatement(ended, Date.now())
      .catch(() => this.#parts.metrics.onLost(1))
      .finally(() => {
        this.#begun--
      })
  }

  /** Waits until the lines of all statements that have ended are written, for at most a second. */
  async settle(): Promise<void> {
    const until = performance.now() + MAX_SETTLE_MS
    do await new Promise((resolve) => setTimeout(resolve, 5))
    while (this.#begun > 0 && performance.now() < until)
  }

  async #writeStatement(ended: EndedStatement, at: number): Promise<void> {
    const { ctx, sql, failure, step } = ended
    const caller = callerFields(ctx)
    // The source of an old ticket may be gone.
    const tables = await (async () => await this.#parts.tablesOf(ended))().catch(() => unknownTables)
    const { trace } = ctx
    this.#write('statement', at, {
      ...caller,
      step,
      kind: ended.kind,
      source: ended.source,
      hash: await statementHash(sql),
      ...(this.#parts.settings.statements === 'text' && { text: textOf(sql) }),
      tablesRead: tables.read,
      tablesChanged: tables.changed,
      rows: ended.rows,
      bytes: ended.bytes,
      billedBytes: trace?.billedBytes ?? null,
      costUsd: trace?.costUsd ?? null,
      ...cacheOf(ctx),
      totalMs: tenths(ended.totalMs),
      planMs: ended.planMs === undefined ? null : tenths(ended.planMs),
      queueMs: trace?.queueWaitMs === undefined ? null : tenths(trace.queueWaitMs),
      outcome: failure?.code ?? 'OK',
    })
  }

  #write(event: AuditEventName, at: number, fields: AuditFields): void {
    const { sink, base, metrics } = this.#parts
    sink.write(auditLine(event, at, { ...base, ...fields }, sink.maxLineBytes))
    metrics.onLine(event)
  }
}

const unknownTables: StatementTables = { read: null, changed: null }

function textOf(sql: string): string {
  return maskSecrets(sql.slice(0, MAX_TEXT_CHARACTERS))
}

function cacheOf({ trace }: Context): AuditFields {
  if (!trace?.cache) return { cache: null }
  const { result, detail } = trace.cache
  return { cache: result, ...(detail !== undefined && { cacheDetail: detail }) }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
