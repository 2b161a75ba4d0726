import type { Frame } from '../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import type { Context, Result, ResultStats } from '../../query/types.ts'

/** A run, as its readers see it. */
export interface ReadableRun {
  /** Whether the reader is the only one and has all rows that were read: then `passOn` passes on the next ones as they are. */
  isPassingTo(reader: RunReader): boolean
  passOn(reader: RunReader): Promise<IteratorResult<readonly Frame[]>>
  pull(reader: RunReader): Promise<IteratorResult<readonly Frame[]>>
  /** The reader reads no more. @param reason why */
  leave(reader: RunReader, reason: unknown): void
  /** Settles when the engine's work has ended, if the last reader has left. */
  readonly closing: Promise<unknown> | undefined
}

/** One reader of a run, at a position of its own. */
export class RunReader implements AsyncIterableIterator<readonly Frame[]> {
  readonly ctx: Context
  /** Whether the reader has joined a run that another one began. */
  readonly isCollapsed: boolean
  readonly joinedAt = performance.now()
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  /** Position of the next batch. */
  position = 0
  /** Whether the reader waits for a batch. */
  isPulling = false
  /** Why the reader was ended. */
  #failure: { readonly error: unknown } | undefined
  #hasLeft = false
  readonly #run: ReadableRun
  readonly #started = Promise.withResolvers<Result>()
  readonly #turn = new LoopTurn()
  #wake: (() => void) | undefined

  constructor(run: ReadableRun, ctx: Context, isCollapsed: boolean) {
    this.#run = run
    this.ctx = ctx
    this.isCollapsed = isCollapsed
    // A reader that leaves before `started` is awaited leaves no unhandled rejection.
    this.#started.promise.catch(() => {})
    ctx.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The result for this reader. @throws why the run did not start, or the reason of the reader's own signal */
  get started(): Promise<Result> {
    return this.#started.promise
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<readonly Frame[]>> {
    // Large results pass here: no promise more than needed.
    return this.#run.isPassingTo(this) ? this.#run.passOn(this) : this.#pull()
  }

  async #pull(): Promise<IteratorResult<readonly Frame[]>> {
    this.isPulling = true
    try {
      const turn = this.#turn.next()
      if (turn) await turn
      return await this.#run.pull(this)
    } finally {
      this.isPulling = false
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#run.leave(this, undefined)
    this.detach()
    await this.#run.closing
    return { done: true, value: undefined }
  }

  get isReading(): boolean {
    return !this.#hasLeft
  }

  /** @returns whether it still reads @throws why the reader was ended */
  check(): boolean {
    if (this.#failure) throw this.#failure.error
    return this.isReading
  }

  onStarted({ schema, metadata, progress }: Result): void {
    if (this.isCollapsed && this.ctx.trace) this.ctx.trace.isShared = true
    this.#started.resolve({
      schema,
      frames: this,
      stats: this.stats,
      ...(metadata && { metadata }),
      ...(progress && { progress }),
    })
  }

  /** Ends this reader alone, with an error at its next pull. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#started.reject(error)
    this.detach()
  }

  /** The reader is none of the run any more. */
  detach(): void {
    this.#hasLeft = true
    this.ctx.signal.removeEventListener('abort', this.#onAbort)
    this.wake()
  }

  untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  readonly #onAbort = () => {
    const { reason } = this.ctx.signal
    this.fail(reason)
    this.#run.leave(this, reason)
  }
}
