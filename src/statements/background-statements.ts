import type { Frame } from '../arrow/ipc/frame.ts'
import { deriveContext } from '../query/derive-context.ts'
import { GatewayError } from '../query/errors.ts'
import type { StatementTrace } from '../query/statement-trace.ts'
import type { Context, Plan, Result } from '../query/types.ts'
import type { RunningStatements } from './running-statements.ts'

/**
 * Plans the statement unless it is planned already, and runs it. Returns the result, or undefined if the work itself has read
 * and stored the result.
 */
export type PollWork = (ctx: Context, onPlan: (plan: Plan) => void) => Promise<Result | undefined>

/** The result of a statement that PollFlightInfo has started, for its one reader. */
export interface TakenResult {
  readonly result: Result
  /** Aborts the statement. */
  readonly controller: AbortController
  readonly trace: StatementTrace
}

/** State of a statement that PollFlightInfo has started. */
export type PollState =
  | { readonly kind: 'running'; readonly progress: number | undefined }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: GatewayError }

/**
 * A statement that runs while its client polls. It is ready when its first rows have arrived. Backpressure then holds the engine
 * a few batches ahead until the client fetches the rows.
 */
export class BackgroundStatement {
  readonly controller = new AbortController()
  /** What the stages tell of the statement. */
  readonly trace: StatementTrace = {}
  #state: 'running' | 'ready' | 'failed' = 'running'
  #error: GatewayError | undefined
  #result: Result | undefined
  #frames: AsyncIterator<readonly Frame[]> | undefined
  #first: IteratorResult<readonly Frame[]> | undefined
  #plan: Plan | undefined
  readonly #planned: Promise<void>
  /** Settles when the statement is ready or has failed. */
  readonly ended: Promise<void>

  /** @param onCancel called when another call cancels the statement by its id */
  constructor(work: PollWork, ctx: Context, deadlineMs: number, onCancel: () => void) {
    const end = (reason: GatewayError) => {
      this.#cancel(reason)
      onCancel()
    }
    const own = deriveContext(ctx, {
      signal: this.controller.signal,
      reader: { end },
      deadlineAt: Date.now() + deadlineMs,
      connection: undefined,
      trackProgress: true,
      trace: this.trace,
    })
    const timer = setTimeout(() => this.controller.abort(new GatewayError('DEADLINE')), deadlineMs)
    timer.unref()
    let onPlanned = () => {}
    this.#planned = new Promise((resolve) => {
      onPlanned = resolve
    })
    const onPlan = (plan: Plan) => {
      this.#plan = plan
      onPlanned()
    }
    this.ended = this.#run(work, own, onPlan).then(
      () => {
        this.#state = this.#error ? 'failed' : 'ready'
      },
      (error: unknown) => {
        this.#state = 'failed'
        this.#error ??= GatewayError.from(error)
      },
    )
  }

  get state(): PollState {
    if (this.#state === 'failed') return { kind: 'failed', error: this.#error! }
    return this.#state === 'ready' ? { kind: 'ready' } : { kind: 'running', progress: this.#result?.progress?.() }
  }

  /** The plan; undefined until planning has ended. */
  get plan(): Plan | undefined {
    return this.#plan
  }

  /** Waits until the statement is planned or has ended, for at most `ms` milliseconds. */
  async waitForPlan(ms: number): Promise<void> {
    await within(ms, Promise.race([this.#planned, this.ended]))
  }

  /** Waits until the statement is ready or has failed, for at most `ms` milliseconds. */
  async wait(ms: number): Promise<void> {
    await within(ms, this.ended)
  }

  /** Whether the statement runs, or has rows that the client has not fetched. */
  get pending(): boolean {
    return this.#state === 'running' || (this.#state === 'ready' && this.#frames !== undefined)
  }

  /** Hands the result over to its one reader. Undefined if this statement has no result, or another reader has taken it. */
  take(): Result | undefined {
    const [result, frames, first] = [this.#result, this.#frames, this.#first]
    if (!result || !frames || !first) return undefined
    // The deadline timer keeps this object alive; drop the rows so that they are not kept as well.
    this.#frames = this.#first = this.#result = undefined
    return { ...result, frames: { [Symbol.asyncIterator]: () => startingWith(first, frames) } }
  }

  /** Aborts the statement, unless a client reads its result. */
  abandon(reason: GatewayError): void {
    if (this.#state === 'ready' && !this.#frames) return
    this.controller.abort(reason)
    for (const frame of this.#first?.done === false ? this.#first.value : []) frame.release?.()
    void this.#frames?.return?.()
    this.#frames = this.#first = this.#result = undefined
  }

  /** Ends the statement, also while a client reads its result. */
  #cancel(reason: GatewayError): void {
    this.abandon(reason)
    this.#state = 'failed'
    this.#error = reason
    this.controller.abort(reason)
  }

  async #run(work: PollWork, ctx: Context, onPlan: (plan: Plan) => void): Promise<void> {
    this.#result = await work(ctx, onPlan)
    this.#frames = this.#result?.frames[Symbol.asyncIterator]()
    this.#first = await this.#frames?.next()
  }
}

async function within(ms: number, event: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([event, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

function startingWith(
  first: IteratorResult<readonly Frame[]>,
  rest: AsyncIterator<readonly Frame[]>,
): AsyncIterator<readonly Frame[]> {
  let pending: IteratorResult<readonly Frame[]> | undefined = first
  return {
    async next() {
      const next = pending ?? (await rest.next())
      pending = undefined
      return next
    },
    async return() {
      for (const frame of pending?.done === false ? pending.value : []) frame.release?.()
      pending = undefined
      await rest.return?.()
      return { done: true, value: undefined }
    },
  }
}

/** Limits of polled statements. */
export interface PollLimits {
  /** Time without a poll or a fetch after which the gateway cancels a statement, in milliseconds. */
  readonly pollIdleMs: number
  /** Time for which a cancelled statement is remembered, in milliseconds. */
  readonly ticketTtlMs: number
  /** Deadline of a polled statement, in milliseconds from its start. */
  readonly defaultDeadlineMs: number
}

interface BackgroundEntry {
  readonly job: BackgroundStatement
  readonly idleTimer: NodeJS.Timeout
  /** Removes the statement from the running statements. */
  readonly remove: () => void
}

/** The statements that PollFlightInfo has started on this replica. */
export class BackgroundStatements {
  readonly #limits: PollLimits
  readonly #running: RunningStatements
  readonly #jobs = new Map<string, BackgroundEntry>()

  constructor(limits: PollLimits, running: RunningStatements) {
    this.#limits = limits
    this.#running = running
  }

  /** Number of statements. */
  get size(): number {
    return this.#jobs.size
  }

  /** Number of statements that run, or have rows that the client has not fetched. */
  /** Returns a function that tells whether any of the statements of now still runs. */
  pendingOfNow(): () => boolean {
    const jobs = [...this.#jobs.values()].map(({ job }) => job)
    return () => jobs.some((job) => job.pending)
  }

  get pending(): number {
    return [...this.#jobs.values()].filter(({ job }) => job.pending).length
  }

  has(id: string): boolean {
    return this.#jobs.has(id)
  }

  /** Returns the statement of a ticket and restarts its idle timer. */
  touch(id: string): BackgroundStatement | undefined {
    const entry = this.#jobs.get(id)
    entry?.idleTimer.refresh()
    return entry?.job
  }

  /** Drops a statement that another replica has claimed: a later poll asks the shared state again. */
  forget(id: string, job: BackgroundStatement): void {
    const entry = this.#jobs.get(id)
    if (entry?.job !== job) return
    clearTimeout(entry.idleTimer)
    entry.remove()
    this.#jobs.delete(id)
  }

  /** Starts a ticket's statement, which this replica does not know (`touch`). It continues after the call has ended. */
  start(id: string, work: PollWork, ctx: Context): BackgroundStatement {
    const { defaultDeadlineMs, ticketTtlMs } = this.#limits
    // Otherwise a client that redeems the ticket would run the statement again.
    const onCancel = () => void this.#running.markCancelled(id, ticketTtlMs)
    const job = new BackgroundStatement(work, ctx, defaultDeadlineMs, onCancel)
    const remove = this.#running.add(id, (reason) => job.abandon(reason))
    const idleTimer = setTimeout(() => {
      this.forget(id, job)
      job.abandon(
        new GatewayError('CANCELLED', 'The client did not poll or fetch the statement within limits.pollIdleMs.'),
      )
    }, this.#limits.pollIdleMs)
    idleTimer.unref()
    this.#jobs.set(id, { job, idleTimer, remove })
    // A statement that has ended without rows has nothing to cancel.
    void job.ended.then(() => {
      if (!job.pending) remove()
    })
    return job
  }

  /** Hands a ready result over to its reader, with the controller that aborts the statement. */
  take(id: string): TakenResult | undefined {
    const entry = this.#jobs.get(id)
    const result = entry?.job.take()
    if (!entry || !result) return undefined
    // From now on the reader's call is what a client can cancel.
    entry.remove()
    const { controller, trace } = entry.job
    return { result, controller, trace }
  }

  /** Aborts all statements whose results no client reads. */
  close(): void {
    for (const { job, idleTimer } of this.#jobs.values()) {
      clearTimeout(idleTimer)
      job.abandon(new GatewayError('DRAINING'))
    }
    this.#jobs.clear()
  }
}
