import { deriveContext } from '../derive-context.ts'
import type { Stage } from '../pipeline.ts'
import { endFailure } from '../results/end-failure.ts'
import { holding, type ReadStats } from '../results/holding.ts'
import type { StatementTrace } from '../statement-trace.ts'
import { statementHash } from '../text/statement-hash.ts'
import type { Span } from '../tracing/span.ts'
import { spanFailure } from '../tracing/span-failure.ts'
import type { Context, Query } from '../types.ts'

/** What spans contain of statements. */
export type TracedStatements = 'hash' | 'text' | 'none'

const MAX_TEXT_CHARACTERS = 2000

/**
 * The spans `plan` and `statement`, for calls that have a span. The outermost stage, so that `statement` covers all until the
 * result has been read.
 * @param kindOf kind of a source, by its name
 */
export function traceStatements(statements: TracedStatements, kindOf: (source: string) => string | undefined): Stage {
  const begin = (name: string, parent: Span, query: Query, ctx: Context): Span => {
    const kind = kindOf(query.source)
    const attributes = {
      'flightgate.source': query.source,
      'flightgate.principal': ctx.principal.name,
      'flightgate.request_id': ctx.requestId,
      'flightgate.transaction': query.transaction !== undefined || undefined,
      'db.system.name': kind,
    }
    const span = parent.child(name, { attributes })
    if (span.isSampled) describe(span, query, statements)
    return span
  }
  return {
    name: 'trace',
    async plan(query, ctx, next) {
      if (ctx.span === undefined) return await next(query, ctx)
      const span = begin('plan', ctx.span, query, ctx)
      try {
        const plan = await next(query, deriveContext(ctx, { span }))
        span.set({
          'flightgate.statement_kind': plan.kind,
          'flightgate.estimated_bytes': plan.estimate?.bytes,
          'flightgate.estimated_cost_usd': plan.estimate?.costUsd ?? plan.cost?.costUsd,
        })
        span.end()
        return plan
      } catch (error) {
        span.end(spanFailure(error))
        throw error
      }
    },
    async run(plan, ctx, next) {
      if (ctx.span === undefined) return await next(plan, ctx)
      const span = begin('statement', ctx.span, plan.query, ctx)
      span.set({ 'flightgate.statement_kind': plan.kind })
      const trace: StatementTrace = ctx.trace ?? {}
      trace.span = span
      const inner = deriveContext(ctx, { span, trace })
      let hasRows = false
      return await holding(() => next(plan, inner), {
        onBatch() {
          if (hasRows) return
          hasRows = true
          span.event('first byte')
        },
        onEnd(thrown, complete, stats) {
          const endedAt = performance.now()
          const failure = endFailure(thrown, complete, ctx.signal)
          // Later, so that the client does not wait for it, and the source has told its bill.
          setImmediate(() => {
            tell(span, trace, stats)
            span.end(failure && spanFailure(failure), endedAt)
          })
        },
      })
    },
  }
}

/**
 * The spans `first byte`, from the start of the run at the source to its first rows, and `stream`, from there to its last rows.
 * An inner stage: a statement that the cache answers has neither.
 */
export function traceSource(): Stage {
  return {
    name: 'trace-source',
    async run(plan, ctx, next) {
      const { span } = ctx
      if (span === undefined) return await next(plan, ctx)
      let current = span.child('first byte')
      let hasRows = false
      return await holding(() => next(plan, ctx), {
        onBatch() {
          if (hasRows) return
          hasRows = true
          current.end()
          current = span.child('stream')
        },
        onEnd(thrown, complete, { rows, bytes }) {
          if (hasRows) current.set({ 'flightgate.rows': rows, 'flightgate.bytes': bytes })
          const failure = endFailure(thrown, complete, ctx.signal)
          current.end(failure && spanFailure(failure))
        },
      })
    },
  }
}

function describe(span: Span, { sql }: Query, statements: TracedStatements): void {
  if (statements === 'none') return
  if (statements === 'text') span.set({ 'db.query.text': sql.slice(0, MAX_TEXT_CHARACTERS) })
  const hash = statementHash(sql)
  if (typeof hash === 'string') span.set({ 'flightgate.sql_hash': hash })
  else void hash.then((known) => span.set({ 'flightgate.sql_hash': known }))
}

/** Adds what the stages have told of a statement. */
function tell(span: Span, trace: StatementTrace, { rows, bytes }: ReadStats): void {
  span.set({
    'flightgate.query_id': trace.queryId,
    'flightgate.rows': rows,
    'flightgate.bytes': bytes,
    'flightgate.queue_ms': trace.queueWaitMs,
    'flightgate.is_shared': trace.isShared,
    'flightgate.cache': trace.cache?.result,
    'flightgate.cache_detail': trace.cache?.detail,
    'flightgate.is_coalesced': trace.cache?.isCollapsed,
    'flightgate.billed_bytes': trace.billedBytes,
    'flightgate.cost_usd': trace.costUsd,
  })
}
