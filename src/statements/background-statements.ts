import type { Frame } from '../arrow/ipc/frame.ts'
import { deriveContext } from '../query/derive-context.ts'
import { GatewayError } from '../query/errors.ts'
import type { Context, Plan, Result } from '../query/types.ts'
import type { RunningStatements } from './running-statements.ts'

/**
 * Plans the statement, unless it is planned, and runs it; answers with its result, or with nothing when that has been read
 * and kept already.
 */
export type PollWork = (ctx: Context, onPlan: (plan: Plan) => void) => Promise<Result | undefined>

/** Where a statement that was started by a poll stands. */
export type PollState =
  | { readonly kind: 'running'; readonly progress: number | undefined }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: GatewayError }

/**
 * One statement that runs while its client comes back to ask. It is ready when its first rows are there; the engine then
 * waits, a few batches ahead, until they are fetched.
 */
export class BackgroundStatement {
  readonly controller = new AbortController()
  #state: 'running' | 'ready' | 'failed' = 'running'
  #error: GatewayError | undefined
  #result: Result | undefined
  #frames: AsyncIterator<readonly Frame[]> | undefined
  #first: IteratorResult<readonly Frame[]> | undefined
  #plan: Plan | undefined
  readonly #planned: Promise<void>
  readonly #ended: Promise<void>

  constructor(work: PollWork, ctx: Context, deadlineMs: number) {
    const own = deriveContext(ctx, {
      signal: this.controller.signal,
      deadlineAt: Date.now() + deadlineMs,
      connection: undefined,
      trackProgress: true,
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
    this.#ended = this.#run(work, own, onPlan).then(
      () => {
        this.#state = 'ready'
      },
      (error: unknown) => {
        this.#state = 'failed'
        this.#error = GatewayError.from(error)
      },
    )
  }

  get state(): PollState {
    if (this.#state === 'failed') return { kind: 'failed', error: this.#error! }
    return this.#state === 'ready' ? { kind: 'ready' } : { kind: 'running', progress: this.#result?.progress?.() }
  }

  /** What planning has told; undefined while it goes on. */
  get plan(): Plan | undefined {
    return this.#plan
  }

  /** Waits until the statement is planned or has ended, or so long. */
  async waitForPlan(ms: number): Promise<void> {
    await within(ms, Promise.race([this.#planned, this.#ended]))
  }

  /** Waits for the end of the running, or so long. */
  async wait(ms: number): Promise<void> {
    await within(ms, this.#ended)
  }

  /** Whether it runs, or has rows that nobody has fetched yet. */
  get pending(): boolean {
    return this.#state === 'running' || (this.#state === 'ready' && this.#frames !== undefined)
  }

  /** The result, to be read once; undefined when there is none to be read here. */
  take(): Result | undefined {
    const [result, frames, first] = [this.#result, this.#frames, this.#first]
    if (!result || !frames || !first) return undefined
    // The deadline's timer keeps this object, which must not keep the rows.
    this.#frames = this.#first = this.#result = undefined
    return { ...result, frames: { [Symbol.asyncIterator]: () => startingWith(first, frames) } }
  }

  /** Ends it, unless somebody reads its result. */
  abandon(reason: GatewayError): void {
    if (this.#state === 'ready' && !this.#frames) return
    this.controller.abort(reason)
    for (const frame of this.#first?.done === false ? this.#first.value : []) frame.release?.()
    void this.#frames?.return?.()
    this.#frames = this.#first = this.#result = undefined
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

/** What polls may take. */
export interface PollLimits {
  /** Time without a poll, or without a fetch once ready, after which a statement is given up. */
  readonly pollIdleMs: number
  /** How long a statement may run. */
  readonly defaultDeadlineMs: number
}

interface BackgroundEntry {
  readonly job: BackgroundStatement
  readonly idleTimer: NodeJS.Timeout
  /** Takes it from the statements that can be cancelled. */
  readonly remove: () => void
}

/** The statements of this replica that were started by PollFlightInfo. */
export class BackgroundStatements {
  readonly #limits: PollLimits
  readonly #executions: RunningStatements
  readonly #jobs = new Map<string, BackgroundEntry>()

  constructor(limits: PollLimits, executions: RunningStatements) {
    this.#limits = limits
    this.#executions = executions
  }

  /** How many there are. */
  get size(): number {
    return this.#jobs.size
  }

  /** How many run, or have rows that nobody has fetched yet. */
  get pending(): number {
    return [...this.#jobs.values()].filter(({ job }) => job.pending).length
  }

  /** The statement behind a ticket, and one more span of time for it. */
  touch(id: string): BackgroundStatement | undefined {
    const entry = this.#jobs.get(id)
    entry?.idleTimer.refresh()
    return entry?.job
  }

  /** The statement behind a ticket is another replica's: a later poll asks for it anew. */
  forget(id: string): void {
    const entry = this.#jobs.get(id)
    clearTimeout(entry?.idleTimer)
    entry?.remove()
    this.#jobs.delete(id)
  }

  /** Starts the statement of a ticket, which runs on when the call is over. */
  start(id: string, work: PollWork, ctx: Context): BackgroundStatement {
    const job = new BackgroundStatement(work, ctx, this.#limits.defaultDeadlineMs)
    const remove = this.#executions.add(id, (reason) => job.abandon(reason))
    const idleTimer = setTimeout(() => {
      this.#jobs.delete(id)
      remove()
      job.abandon(new GatewayError('CANCELLED', 'Nobody polled or fetched the statement any more (limits.pollIdleMs).'))
    }, this.#limits.pollIdleMs)
    idleTimer.unref()
    this.#jobs.set(id, { job, idleTimer, remove })
    return job
  }

  /** The result that waits under an id, handed over to its reader together with the means to abort it. */
  take(id: string): { readonly result: Result; readonly abort: (reason: unknown) => void } | undefined {
    const job = this.#jobs.get(id)?.job
    const result = job?.take()
    return job && result && { result, abort: (reason) => job.controller.abort(reason) }
  }

  /** Gives all of them up. */
  close(): void {
    for (const { job, idleTimer } of this.#jobs.values()) {
      clearTimeout(idleTimer)
      job.abandon(new GatewayError('DRAINING'))
    }
    this.#jobs.clear()
  }
}
