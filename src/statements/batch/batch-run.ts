import { concurrently } from '../../async/concurrently.ts'
import { deriveContext } from '../../query/derive-context.ts'
import { type ErrorCode, GatewayError } from '../../query/errors.ts'
import type { Context, Plan, Query, Result } from '../../query/types.ts'
import type { CallScope } from '../query-builder.ts'
import { StatementMeter } from '../requests/statement-meter.ts'
import type { StatementRequest } from '../requests/statement-request.ts'
import type { StartedStatement } from '../requests/statement-requests.ts'
import type { BatchBounds } from './batch-bounds.ts'
import type { BatchDependencies } from './batch-dependencies.ts'
import { BatchHalt, type Failure } from './batch-halt.ts'
import {
  type BatchSink,
  type BatchSummary,
  type StatementOutcome,
  type StatementStatus,
  summaryOf,
} from './batch-outcome.ts'
import { sharingKeyOf } from './sharing-key.ts'
import { SlotTurns } from './slot-turns.ts'
import { WatchedFrames } from './watched-frames.ts'

/** Errors of a sink that are not about the data of a result. */
const clientErrors: readonly ErrorCode[] = ['CANCELLED', 'STALLED', 'INTERNAL']

/** A statement of a batch. */
class Item {
  readonly id: string
  readonly position: number
  readonly request: StatementRequest
  readonly meter = new StatementMeter()
  /** Settles when the statement has ended. */
  readonly over = Promise.withResolvers<void>()
  /** Identical reads, which get the result of this statement. */
  readonly twins: Item[] = []
  query: Query | undefined
  plan: Plan | undefined
  /** Why planning failed. */
  failure: Failure | undefined
  /** Reports of the failure of the first planning, made if the statement is not planned again. */
  readonly heldReports: (() => void)[] = []
  /** See `sharingKeyOf`. */
  key: string | undefined
  /** Settles when the first planning of the statement has ended. */
  readonly planned = Promise.withResolvers<void>()
  /** Number of changes of the batch that had ended when the statement was planned. */
  changesBefore = 0
  /** Whether the statement is planned again once the changes before it have ended. */
  isDeferred = false

  constructor(id: string, position: number, request: StatementRequest) {
    this.id = id
    this.position = position
    this.request = request
    this.meter.queue()
  }

  /** Whether the statement changes data, or may do so once it can be planned. */
  get mayChange(): boolean {
    return this.isDeferred || (this.plan !== undefined && this.plan.kind !== 'read')
  }
}

/** One batch: plans all statements, then runs them in their order, some of them at the same time. */
export class BatchRun {
  readonly #deps: BatchDependencies
  readonly #bounds: BatchBounds
  readonly #scope: CallScope
  readonly #sink: BatchSink
  readonly #items: readonly Item[]
  readonly #halt: BatchHalt
  readonly #outcomes: StatementOutcome[] = []
  readonly #firstByKey = new Map<string, Item>()
  readonly #usedPlans = new Set<Plan>()
  readonly #turns = new SlotTurns()
  readonly #startedAt = performance.now()
  #endedChanges = 0

  constructor(
    deps: BatchDependencies,
    statements: readonly { readonly id: string; readonly request: StatementRequest }[],
    bounds: BatchBounds,
    scope: CallScope,
    sink: BatchSink,
  ) {
    this.#deps = deps
    this.#bounds = bounds
    this.#sink = sink
    this.#items = statements.map(({ id, request }, position) => new Item(id, position, request))
    this.#halt = new BatchHalt(scope.ctx, bounds.timeoutMs)
    const { signal, deadlineAt } = this.#halt
    this.#scope = { ...scope, ctx: deriveContext(scope.ctx, { signal, deadlineAt }) }
  }

  /** @throws what `BatchDependencies.check` throws; why the client has left */
  async run(): Promise<BatchSummary> {
    const { maxConcurrency } = this.#bounds
    try {
      await concurrently(this.#items, maxConcurrency, (item) => this.#planFirst(item))
      const runs = this.#shareReads()
      for (const { isDeferred, heldReports } of this.#items) if (!isDeferred) for (const report of heldReports) report()
      const plans = runs.flatMap(({ plan }) => plan ?? [])
      const concurrency = this.#concurrency()
      const atOnce = Math.min(concurrency, plans.length)
      if (atOnce > 0 && !this.#halt.cause) await this.#deps.check?.({ plans, atOnce }, this.#scope.ctx)
      for (const item of runs) if (item.failure && !item.isDeferred) await this.#end(item, item.failure)
      const runnable = runs.filter(({ failure, isDeferred }) => !failure || isDeferred)
      await concurrently(runnable, concurrency, (item) => this.#runOne(item))
    } finally {
      this.#halt.close()
    }
    return summaryOf(this.#outcomes, performance.now() - this.#startedAt)
  }

  /** Number of statements that may run at the same time. A quota lowers the default, but not what the client asked for. */
  #concurrency(): number {
    const { maxConcurrency, isUsualConcurrency } = this.#bounds
    const free = isUsualConcurrency ? this.#deps.freeStatements?.(this.#scope.ctx) : undefined
    return free === undefined ? maxConcurrency : Math.max(1, Math.min(maxConcurrency, free))
  }

  async #planFirst(item: Item): Promise<void> {
    if (this.#halt.cause) return
    const { meter, heldReports } = item
    const ctx = deriveContext(this.#scope.ctx, { heldReports })
    meter.proceed()
    try {
      await meter.plan(() => this.#readQuery(item))
      item.plan =
        (await this.#planOfTwin(item)) ??
        (await this.#turns.take(item, this.#halt.signal, () => this.#plan(item, ctx), meter))
    } catch (error) {
      item.failure = this.#halt.failureOf(error)
    }
    this.#turns.end(item)
    item.planned.resolve()
    meter.queue()
  }

  async #readQuery(item: Item): Promise<void> {
    const query = await this.#deps.requests.queryOf(item.request, this.#scope)
    item.query = query
    item.meter.source = query.source
    item.key = await sharingKeyOf(query, this.#scope.ctx)
  }

  /** Returns the plan of an identical read before this one; undefined if there is none. */
  async #planOfTwin(item: Item): Promise<Plan | undefined> {
    if (item.key === undefined) return undefined
    const first = this.#firstByKey.get(item.key)
    if (!first) {
      this.#firstByKey.set(item.key, item)
      return undefined
    }
    await first.planned.promise
    return first.plan?.kind === 'read' ? first.plan : undefined
  }

  async #plan(item: Item, ctx: Context): Promise<Plan> {
    item.changesBefore = this.#endedChanges
    return await item.meter.plan(() => this.#deps.requests.plan(item.query!, ctx))
  }

  /**
   * Returns the statements that run themselves. A read joins an identical one before it unless a change lies between them. A
   * statement that cannot be planned is deferred if a change lies before it, which may be what it needs.
   */
  #shareReads(): readonly Item[] {
    const readers = new Map<string, Item>()
    let hasChange = false
    return this.#items.filter((item) => {
      const reader = item.key !== undefined && item.plan?.kind === 'read' ? readers.get(item.key) : undefined
      if (reader) reader.twins.push(item)
      else if (item.key !== undefined && item.plan?.kind === 'read') readers.set(item.key, item)
      item.isDeferred = hasChange && item.failure !== undefined && item.query !== undefined && !this.#halt.cause
      if (item.mayChange) {
        hasChange = true
        readers.clear()
      }
      return !reader
    })
  }

  async #runOne(item: Item): Promise<void> {
    if (item.isDeferred) {
      const before = this.#items.slice(0, item.position).filter(({ mayChange }) => mayChange)
      await Promise.all(before.map(({ over }) => over.promise))
    }
    const cause = this.#halt.cause
    if (cause) {
      await this.#end(item, { status: 'skipped', error: cause.error })
      return
    }
    item.meter.proceed()
    const cancelled = new AbortController()
    const left = new AbortController()
    const signal = AbortSignal.any([this.#halt.signal, cancelled.signal])
    const ctx = deriveContext(this.#scope.ctx, {
      signal: AbortSignal.any([signal, left.signal]),
      // The cancel of one statement ends its part of the call, not the call.
      reader: { end: (error) => cancelled.abort(error) },
      trace: item.meter.trace,
    })
    try {
      const started = await this.#turns.take(item, signal, () => this.#start(item, ctx), item.meter)
      const frames = new WatchedFrames(started.result, (reason) => left.abort(reason))
      await this.#pass(item, { ...started.result, frames }, frames, signal)
      const { affectedRows } = started.result.stats
      await this.#end(item, 'succeeded', started.plan.kind !== 'read' && affectedRows >= 0 ? affectedRows : undefined)
    } catch (error) {
      await this.#end(item, this.#halt.failureOf(error))
    } finally {
      this.#turns.end(item)
    }
  }

  /** Runs a statement by a plan that has not run yet and is newer than the changes of the batch that have ended. */
  async #start(item: Item, ctx: Context): Promise<StartedStatement> {
    let { plan } = item
    if (!plan || this.#usedPlans.has(plan) || item.changesBefore < this.#endedChanges)
      plan = await this.#plan(item, ctx)
    item.plan = plan
    this.#usedPlans.add(plan)
    try {
      return await this.#deps.requests.run(plan, item.meter, ctx)
    } catch (error) {
      this.#usedPlans.delete(plan)
      throw error
    }
  }

  /** Passes a result on. @throws the failure of the statement */
  async #pass({ id, twins }: Item, result: Result, frames: WatchedFrames, signal: AbortSignal): Promise<void> {
    const ids = [id, ...twins.map((twin) => twin.id)]
    try {
      await this.#sink.result(ids, result, signal)
    } catch (error) {
      if (frames.failure) throw frames.failure.error
      if (signal.aborted) throw signal.reason
      if (clientErrors.includes(GatewayError.from(error).code)) this.#halt.leave(error)
      throw error
    } finally {
      await frames.return()
    }
    if (frames.failure) throw frames.failure.error
    // A sink may return instead of throwing.
    if (signal.aborted && !frames.isDone) throw signal.reason
  }

  /** Records the end of a statement and its twins, and tells the client. */
  async #end(item: Item, end: Failure | 'succeeded', affectedRows?: number): Promise<void> {
    const { meter } = item
    meter.end()
    const failure = end === 'succeeded' ? undefined : end
    if (item.mayChange) this.#endedChanges++
    if (failure?.status === 'failed' && this.#bounds.stopOnError) this.#halt.stopAfter(item.id)
    item.over.resolve()
    const status: StatementStatus = failure?.status ?? 'succeeded'
    const { queryId } = meter.trace
    for (const { id } of [item, ...item.twins])
      await this.#tell({
        id,
        status,
        ...(failure && { error: failure.error }),
        ...(affectedRows !== undefined && { affectedRows }),
        metrics: { ...meter.metrics(), ...(id !== item.id && status === 'succeeded' && { isCacheHit: true }) },
        ...(queryId !== undefined && { queryId }),
      })
  }

  async #tell(outcome: StatementOutcome): Promise<void> {
    this.#outcomes.push(outcome)
    if (this.#halt.hasLeft) return
    try {
      await this.#sink.ended(outcome)
    } catch (error) {
      this.#halt.leave(error)
    }
  }
}
