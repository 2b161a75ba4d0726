import type { GatewayError } from '../errors.ts'
import { GatewayError as Failure } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import { endFailure } from '../results/end-failure.ts'
import { holding, type ReadStats } from '../results/holding.ts'
import { statementHash } from '../text/statement-hash.ts'
import type { SpanIds } from '../tracing/span.ts'
import { traceFieldsOf } from '../tracing/trace-fields.ts'
import type { Context, Query } from '../types.ts'

/** How an audit line represents a statement's text. */
type StatementLogging = 'hash' | 'text' | 'none'

/** Receives each statement's start, batches and end. */
export interface AuditObserver {
  onRows(source: string, rows: number, bytes: number): void
  /** Planning failed, so the statement does not run. */
  onPlanFailed(source: string, outcome: string): void
  onStatementStart(source: string): void
  /** The first rows are ready. @param durationMs since the start */
  onFirstRows(source: string, durationMs: number): void
  /** @param bytes of the result that the client has read @param span absent if tracing is off */
  onStatementEnd(
    source: string,
    principal: string,
    outcome: string,
    durationMs: number,
    bytes: number,
    span: SpanIds | undefined,
  ): void
}

const MAX_LOGGED_SQL = 2000

/** Logs one line for each statement that ran or failed: principal, statement, source, rows, bytes, time, outcome. */
export function audit(statements: StatementLogging, observer: AuditObserver): Stage {
  const textFields = ({ sql }: Query): object | Promise<object> => {
    if (statements === 'none') return {}
    if (statements === 'text') return { sql: sql.slice(0, MAX_LOGGED_SQL) }
    const sqlHash = statementHash(sql)
    return typeof sqlHash === 'string' ? { sqlHash } : sqlHash.then((hash) => ({ sqlHash: hash }))
  }
  const line = (ctx: Context, query: Query, step: string, ms: number, more: object, failure?: GatewayError) => {
    const text = textFields(query)
    if (text instanceof Promise) void text.then((hashed) => write(hashed, ctx, query, step, ms, more, failure))
    else write(text, ctx, query, step, ms, more, failure)
  }
  const write = (
    text: object,
    ctx: Context,
    query: Query,
    step: string,
    ms: number,
    more: object,
    failure?: GatewayError,
  ) => {
    const fields = {
      event: 'statement',
      step,
      requestId: ctx.requestId,
      ...traceFieldsOf(ctx),
      ...(step === 'run' && ctx.trace?.queryId !== undefined && { queryId: ctx.trace.queryId }),
      principal: ctx.principal.name,
      source: query.source,
      ...text,
      ms: Math.round(ms * 10) / 10,
      ...more,
      ...(step === 'run' && cacheOf(ctx)),
      ...(step === 'run' && billOf(ctx)),
      outcome: failure?.code ?? 'OK',
      ...(failure?.engineError !== undefined && { engineError: failure.engineError }),
    }
    if (failure?.code === 'INTERNAL') ctx.log.error({ ...fields, err: failure.cause ?? failure }, 'statement failed')
    else ctx.log.info(fields, failure ? 'statement refused or failed' : 'statement')
  }
  return {
    name: 'audit',
    async plan(query, ctx, next) {
      const startedAt = performance.now()
      try {
        return await next(query, ctx)
      } catch (thrown) {
        const failure = Failure.from(thrown)
        const ms = performance.now() - startedAt
        const report = () => {
          observer.onPlanFailed(query.source, failure.code)
          line(ctx, query, 'plan', ms, {}, failure)
        }
        if (ctx.heldReports) ctx.heldReports.push(report)
        else report()
        throw thrown
      }
    },
    async run(plan, ctx, next) {
      const startedAt = performance.now()
      const { query } = plan
      let hasRows = false
      observer.onStatementStart(query.source)
      const onEnd = (thrown: unknown, complete: boolean, { rows, bytes }: ReadStats) => {
        const failure = endFailure(thrown, complete, ctx.signal)
        const ms = performance.now() - startedAt
        // Defer the log line, so that the client does not wait for it.
        setImmediate(() => {
          observer.onStatementEnd(query.source, ctx.principal.name, failure?.code ?? 'OK', ms, bytes, ctx.span)
          line(ctx, query, 'run', ms, { rows, bytes }, failure)
        })
      }
      return await holding(() => next(plan, ctx), {
        onBatch(rows, bytes) {
          if (rows > 0 && !hasRows) {
            hasRows = true
            observer.onFirstRows(query.source, performance.now() - startedAt)
          }
          observer.onRows(query.source, rows, bytes)
        },
        onEnd,
      })
    },
  }
}

/** What the engine has billed, if it has told by now. */
function cacheOf({ trace }: Context): object {
  if (!trace?.cache) return {}
  const { result, detail } = trace.cache
  return { cache: result, ...(detail !== undefined && { cacheDetail: detail }) }
}

function billOf({ trace }: Context): object {
  if (trace?.billedBytes === undefined) return {}
  return { billedBytes: trace.billedBytes, ...(trace.costUsd !== undefined && { costUsd: trace.costUsd }) }
}
