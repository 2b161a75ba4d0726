import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result, ResultStats } from '../../../query/types.ts'
import { interrupt, progressOf } from '../native/database.ts'
import type { Address } from '../native/library.ts'
import type { Failure, Reply, SentBatch, WorkerRequest } from './messages.ts'
import type { WorkerThread } from './worker-thread.ts'

const INTERRUPT_INTERVAL_MS = 20
const INTERRUPT_DELAY_MS = 200

/** How long a stopped worker may take to finish, in milliseconds; then callers stop waiting for it. */
export const STOP_TIMEOUT_MS = 2000

/** What a job reports when its worker has released the connection. */
export interface JobEnd {
  readonly isConnectionBroken: boolean
  /** The worker thread has died: what it opened on the connection is still open. */
  readonly isOrphaned: boolean
  readonly hasFailed: boolean
}

/** The dispatcher, as a job sees it. */
export interface JobListener {
  toError(failure: Failure): GatewayError
  /** The worker ignores the stop. Callers get their error now, but worker and connection stay in use. */
  onStuck(): void
  /** Called once, last. */
  onEnd(end: JobEnd): void
}

/**
 * One request on a worker thread. Batches queue here until the reader pulls them, bounded by the worker's credit. A stopped
 * job interrupts DuckDB until the worker has finished; callers wait for that at most `STOP_TIMEOUT_MS`.
 */
export class Job implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  readonly #worker: WorkerThread
  readonly #connection: Address
  readonly #isInTransaction: boolean
  readonly #signal: AbortSignal
  readonly #listener: JobListener
  readonly #ready: { readonly batch: SentBatch; readonly memory: SharedArrayBuffer }[] = []
  readonly #replyListeners: ((reply: Reply) => void)[] = []
  #schema: Uint8Array | undefined
  #wake: (() => void) | undefined
  #consumed = 0
  #done = false
  /** The worker is done, or callers no longer wait for it. */
  #isSettled = false
  #isReaderGone = false
  #error: unknown
  #interruptTimer: NodeJS.Timeout | undefined
  #stopTimer: NodeJS.Timeout | undefined
  readonly #released = Promise.withResolvers<void>()

  constructor(worker: WorkerThread, request: WorkerRequest, signal: AbortSignal, listener: JobListener) {
    this.#worker = worker
    this.#connection = request.connection
    this.#isInTransaction = request.kind === 'run' && request.inTransaction
    this.#signal = signal
    this.#listener = listener
    worker.start(request, (reply) => this.#onReply(reply))
    signal.addEventListener('abort', this.#stop, { once: true })
    if (signal.aborted) this.#stop()
  }

  /** Resolves when the worker has released the connection, however long that takes. */
  get released(): Promise<void> {
    return this.#released.promise
  }

  /** Waits for the schema. @throws GatewayError */
  async schema(): Promise<Uint8Array> {
    while (!this.#schema && !this.#isSettled) await this.#nextEvent()
    if (this.#schema) return this.#schema
    throw this.#error ?? this.#signal.reason
  }

  /** Waits for the end of a request without rows. @throws GatewayError */
  async finished(): Promise<void> {
    while (!this.#isSettled) await this.#nextEvent()
    if (this.#error) throw this.#error
  }

  /** Tells the worker that one more message is in its inbox, and waits until the worker has consumed it. @throws GatewayError */
  async notifyInbox(): Promise<void> {
    const before = this.#consumed
    this.#worker.notifyInbox()
    while (this.#consumed === before && !this.#isSettled) await this.#nextEvent()
    if (this.#error) throw this.#error
  }

  /** Adds a listener for all replies of the worker. */
  onReply(listener: (reply: Reply) => void): void {
    this.#replyListeners.push(listener)
  }

  /**
   * The rows as a result, as soon as the schema is known.
   * @param planned the schema, when the caller knows it; the worker fails if the result's schema differs
   */
  async result(planned?: Uint8Array): Promise<Result> {
    this.#schema ??= planned
    const schema = frameOf(await this.schema(), new Uint8Array(0), 0)
    const progress = () => (this.#done ? 1 : progressOf(this.#connection))
    return { schema, frames: { [Symbol.asyncIterator]: () => this }, stats: this.stats, progress }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    for (;;) {
      if (this.#signal.aborted && !this.#isReaderGone) await this.return()
      if (this.#signal.aborted) throw this.#signal.reason
      const ready = this.#ready.shift()
      if (ready) return { done: false, value: [this.#frame(ready.batch, ready.memory)] }
      if (this.#isSettled) {
        if (this.#error) throw this.#error
        return { done: true, value: undefined }
      }
      await this.#nextEvent()
    }
  }

  /** Stops the job and waits until DuckDB has ended it, or until the stop times out. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#isReaderGone = true
    this.#stop()
    while (!this.#isSettled) await this.#nextEvent()
    for (const { batch } of this.#ready.splice(0)) this.#worker.releaseBody(batch.body, !this.#done)
    return { done: true, value: undefined }
  }

  #frame(batch: SentBatch, memory: SharedArrayBuffer): Frame {
    const body = new Uint8Array(memory, 0, batch.bodyLength)
    this.stats.rows += batch.rows
    this.stats.bytes += batch.bodyLength
    let released = false
    return frameOf(batch.header, body, batch.rows, () => {
      if (released) return
      released = true
      this.#worker.releaseBody(batch.body, !this.#done)
    })
  }

  #onReply(reply: Reply): void {
    if (reply.kind === 'batch') {
      const memory = this.#worker.memoryOf(reply.batch.body)
      if (this.#isReaderGone || this.#error) this.#worker.releaseBody(reply.batch.body, true)
      else this.#ready.push({ batch: reply.batch, memory })
    } else if (reply.kind === 'consumed') this.#consumed++
    else if (reply.kind === 'schema') this.#schema = reply.schema
    else if (reply.kind === 'done') this.#end(reply)
    for (const listener of this.#replyListeners) listener(reply)
    this.#wake?.()
  }

  #end(reply: Reply & { kind: 'done' }): void {
    this.#done = true
    this.#isSettled = true
    this.stats.affectedRows = reply.affectedRows
    clearInterval(this.#interruptTimer)
    clearTimeout(this.#stopTimer)
    this.#signal.removeEventListener('abort', this.#stop)
    if (reply.error) this.#error ??= this.#signal.aborted ? this.#signal.reason : this.#errorOf(reply.error)
    const { isConnectionBroken, isOrphaned = false, error } = reply
    this.#listener.onEnd({ isConnectionBroken, isOrphaned, hasFailed: error !== undefined })
    this.#released.resolve()
  }

  #abandon(): void {
    this.#isSettled = true
    this.#error ??= this.#signal.aborted ? this.#signal.reason : new GatewayError('CANCELLED')
    this.#listener.onStuck()
    this.#wake?.()
  }

  /** DuckDB's threads may report an interrupt that this job did not send, in place of the error that stopped them. */
  #errorOf(failure: Failure): GatewayError {
    if (this.#interruptTimer || !failure.message.startsWith('INTERRUPT')) return this.#listener.toError(failure)
    return new GatewayError('CONFLICT', 'DuckDB stopped the statement without giving a reason: run it again.')
  }

  /**
   * Stops the worker. DuckDB loses an interrupt that arrives between two steps, so the job repeats it until the worker has
   * finished. An interrupt aborts an open transaction, so there the worker first gets 200 ms to stop between two batches: a
   * client that closes a half-read result can continue its transaction.
   */
  readonly #stop = (): void => {
    if (this.#done || this.#interruptTimer) return
    this.#worker.stop()
    if (this.#isInTransaction) this.#interruptTimer = setTimeout(() => this.#interrupt(), INTERRUPT_DELAY_MS)
    else this.#interrupt()
    this.#stopTimer = setTimeout(() => this.#abandon(), STOP_TIMEOUT_MS)
    this.#wake?.()
  }

  #interrupt(): void {
    interrupt(this.#connection)
    this.#interruptTimer = setInterval(() => interrupt(this.#connection), INTERRUPT_INTERVAL_MS)
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      const previous = this.#wake
      this.#wake = () => {
        this.#wake = undefined
        previous?.()
        resolve()
      }
    })
  }
}
