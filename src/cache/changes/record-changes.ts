import type { Frame } from '../../arrow/ipc/frame.ts'
import { changedTable } from '../../query/facts/changed-table.ts'
import type { DeclaredFunctions } from '../../query/facts/declared-functions.ts'
import type { SqlDialect } from '../../query/facts/dialect.ts'
import { textFactsOf } from '../../query/facts/facts-of.ts'
import type { Stage } from '../../query/pipeline.ts'
import type { Router } from '../../query/router.ts'
import type { PlannedStatement, Result } from '../../query/types.ts'
import type { Change } from './change-log.ts'
import type { ChangeRecorder } from './change-recorder.ts'

/**
 * Records in the change log what a statement may have changed, when it has ended, failed or been left, and before its client sees
 * the end. Innermost: what is refused before it reaches the engine changes nothing.
 * @param declaredOf functions that count as known, by the name of the source
 */
export function recordChanges(
  recorder: ChangeRecorder,
  router: Router,
  declaredOf: (source: string) => DeclaredFunctions | undefined,
): Stage {
  return {
    name: 'record-changes',
    async run(plan, ctx, next) {
      const { source: name, sql, transaction } = plan.query
      const source = router.ofQuery(plan.query)
      const dialect = source.dialect ?? 'standard'
      if (plan.kind !== 'ingest' && !(await mayChange(plan))) return await next(plan, ctx)
      const change: Change = { source: name, tables: tablesOf(plan, dialect), principal: ctx.principal.name }
      if (transaction !== undefined) {
        recorder.addToTransaction(transaction, change)
        // Some engines commit a statement although a transaction is open.
        if (dialect === 'duckdb') return await next(plan, ctx)
      }
      const onEnd = async (isCertain: boolean) =>
        await (isCertain || dialect === 'duckdb' ? recorder.record(change) : recorder.recordUncertain(change))
      return await recording(() => next(plan, ctx), onEnd)

      /** Whether running the plan may change data. */
      async function mayChange(planned: Exclude<PlannedStatement, { kind: 'ingest' }>): Promise<boolean> {
        if (planned.kind === 'read' && planned.mayWrite !== true) return false
        return (await textFactsOf(sql, dialect, ctx, declaredOf(name))).mayHaveEffects
      }
    },
  }
}

/** The tables that a statement changes. Only DuckDB is known to have no triggers and no cascades, which change others. */
function tablesOf(plan: PlannedStatement, dialect: SqlDialect): readonly string[] | undefined {
  if (dialect !== 'duckdb') return undefined
  const table = plan.kind === 'ingest' ? plan.ingest.table.toLowerCase() : changedTable(plan.query.sql, dialect)
  return table === undefined ? undefined : [table]
}

/** Runs a statement and calls `onEnd` once: after its last frame, its failure or its reader's leaving. */
async function recording(run: () => Promise<Result>, onEnd: (isCertain: boolean) => Promise<void>): Promise<Result> {
  let result: Result
  try {
    result = await run()
  } catch (error) {
    await onEnd(false)
    throw error
  }
  return { ...result, frames: new RecordedFrames(result.frames, onEnd) }
}

class RecordedFrames implements AsyncIterableIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #onEnd: (isCertain: boolean) => Promise<void>
  #ended: Promise<void> | undefined

  constructor(frames: AsyncIterable<readonly Frame[]>, onEnd: (isCertain: boolean) => Promise<void>) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#onEnd = onEnd
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      const next = await this.#inner.next()
      if (next.done) await this.#end(true)
      return next
    } catch (error) {
      await this.#end(false)
      throw error
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      await this.#inner.return?.()
    } finally {
      await this.#end(false)
    }
    return { done: true, value: undefined }
  }

  #end(isCertain: boolean): Promise<void> {
    this.#ended ??= this.#onEnd(isCertain)
    return this.#ended
  }
}
