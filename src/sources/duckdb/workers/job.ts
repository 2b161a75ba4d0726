import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result, ResultStats } from '../../../query/types.ts'
import { interrupt, progressOf } from '../native/database.ts'
import type { Address } from '../native/library.ts'
import type { Failure, Order, Reply, SentBatch } from './messages.ts'
import type { WorkerThread } from './worker-thread.ts'

const INTERRUPT_AGAIN_MS = 20
const STOP_BETWEEN_BATCHES_MS = 200

/** How long a worker may take to let go of what was stopped, in milliseconds; from then on nobody waits for it. */
export const LET_GO_MS = 2000

/** What an execution tells its owner when the worker has let go of seat and connection. */
export interface JobEnd {
  readonly broken: boolean
  /** The worker has died: what it began on the connection is still open. */
  readonly isOrphaned: boolean
  readonly hasFailed: boolean
}

/** Whoever gave an execution its seat and connection. */
export interface JobOwner {
  toError(failure: Failure): GatewayError
  /** The worker does not let go: whoever waited has been told that it is over, but seat and connection are still in use. */
  onStuck(): void
  /** Told once, last. */
  onEnd(end: JobEnd): void
}

/**
 * One order on a seat. Batches wait here until they are pulled, never more than the seat's credit; stopping it
 * interrupts DuckDB until the worker has let go. Who waits for it waits `LET_GO_MS` at the most from then on.
 */
export class Job implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  readonly #seat: WorkerThread
  readonly #connection: Address
  readonly #isInTransaction: boolean
  readonly #signal: AbortSignal
  readonly #owner: JobOwner
  readonly #ready: { readonly batch: SentBatch; readonly memory: SharedArrayBuffer }[] = []
  readonly #replies: ((reply: Reply) => void)[] = []
  #schema: Uint8Array | undefined
  #wake: (() => void) | undefined
  #taken = 0
  #done = false
  /** It is done, or nobody waits for that any more. */
  #over = false
  #left = false
  #error: unknown
  #interrupting: NodeJS.Timeout | undefined
  #patience: NodeJS.Timeout | undefined
  readonly #letGo = Promise.withResolvers<void>()

  constructor(seat: WorkerThread, order: Order, signal: AbortSignal, owner: JobOwner) {
    this.#seat = seat
    this.#connection = order.connection
    this.#isInTransaction = order.kind === 'run' && order.inTransaction
    this.#signal = signal
    this.#owner = owner
    seat.start(order, (reply) => this.#onReply(reply))
    signal.addEventListener('abort', this.#stop, { once: true })
    if (signal.aborted) this.#stop()
  }

  /** Fulfilled when the worker has let go, however long that takes. */
  get letGo(): Promise<void> {
    return this.#letGo.promise
  }

  /** Waits for the schema. @throws GatewayError */
  async schema(): Promise<Uint8Array> {
    while (!this.#schema && !this.#over) await this.#change()
    if (this.#schema) return this.#schema
    throw this.#error ?? this.#signal.reason
  }

  /** Waits for the end of an order without rows. @throws GatewayError */
  async finished(): Promise<void> {
    while (!this.#over) await this.#change()
    if (this.#error) throw this.#error
  }

  /** Tells the worker that one more message is in its inbox, and waits until it has been taken. @throws GatewayError */
  async notifyInbox(): Promise<void> {
    const before = this.#taken
    this.#seat.notifyInbox()
    while (this.#taken === before && !this.#over) await this.#change()
    if (this.#error) throw this.#error
  }

  /** Listens to replies of other kinds than rows. */
  onReply(listener: (reply: Reply) => void): void {
    this.#replies.push(listener)
  }

  /**
   * The rows as a result, as soon as the schema is known.
   * @param planned the schema when it is known before; the worker fails where the result's own is another
   */
  async result(planned?: Uint8Array): Promise<Result> {
    this.#schema ??= planned
    const schema = frameOf(await this.schema(), new Uint8Array(0), 0)
    const progress = () => (this.#done ? 1 : progressOf(this.#connection))
    return { schema, frames: { [Symbol.asyncIterator]: () => this }, stats: this.stats, progress }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    for (;;) {
      if (this.#signal.aborted && !this.#left) await this.return()
      if (this.#signal.aborted) throw this.#signal.reason
      const ready = this.#ready.shift()
      if (ready) return { done: false, value: [this.#frame(ready.batch, ready.memory)] }
      if (this.#over) {
        if (this.#error) throw this.#error
        return { done: true, value: undefined }
      }
      await this.#change()
    }
  }

  /** Stops the work and waits until DuckDB has let go, or turns out not to. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#left = true
    this.#stop()
    while (!this.#over) await this.#change()
    for (const { batch } of this.#ready.splice(0)) this.#seat.giveBack(batch.body, !this.#done)
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
      this.#seat.giveBack(batch.body, !this.#done)
    })
  }

  #onReply(reply: Reply): void {
    if (reply.kind === 'batch') {
      const memory = this.#seat.memoryOf(reply.batch.body)
      if (this.#left || this.#error) this.#seat.giveBack(reply.batch.body, true)
      else this.#ready.push({ batch: reply.batch, memory })
    } else if (reply.kind === 'taken') this.#taken++
    else if (reply.kind === 'schema') this.#schema = reply.schema
    else if (reply.kind === 'done') this.#end(reply)
    for (const listener of this.#replies) listener(reply)
    this.#wake?.()
  }

  #end(reply: Reply & { kind: 'done' }): void {
    this.#done = true
    this.#over = true
    this.stats.affectedRows = reply.affectedRows
    clearInterval(this.#interrupting)
    clearTimeout(this.#patience)
    this.#signal.removeEventListener('abort', this.#stop)
    if (reply.error) this.#error ??= this.#signal.aborted ? this.#signal.reason : this.#errorOf(reply.error)
    const { broken, isOrphaned = false, error } = reply
    this.#owner.onEnd({ broken, isOrphaned, hasFailed: error !== undefined })
    this.#letGo.resolve()
  }

  #giveUp(): void {
    this.#over = true
    this.#error ??= this.#signal.aborted ? this.#signal.reason : new GatewayError('CANCELLED')
    this.#owner.onStuck()
    this.#wake?.()
  }

  /** DuckDB's threads may tell of an interruption that nobody asked for, in place of the error that made them stop. */
  #errorOf(failure: Failure): GatewayError {
    if (this.#interrupting || !failure.message.startsWith('INTERRUPT')) return this.#owner.toError(failure)
    return new GatewayError('CONFLICT', 'DuckDB broke the statement off without saying why: run it again.')
  }

  /**
   * DuckDB forgets an interrupt that comes between two steps, so it is repeated until the worker has let go. In a transaction,
   * which an interrupt makes useless, the worker first has time to stop between two batches: a client that closes a result
   * that it has read in part goes on with its transaction.
   */
  readonly #stop = (): void => {
    if (this.#done || this.#interrupting) return
    this.#seat.stop()
    if (this.#isInTransaction) this.#interrupting = setTimeout(() => this.#interrupt(), STOP_BETWEEN_BATCHES_MS)
    else this.#interrupt()
    this.#patience = setTimeout(() => this.#giveUp(), LET_GO_MS)
    this.#wake?.()
  }

  #interrupt(): void {
    interrupt(this.#connection)
    this.#interrupting = setInterval(() => interrupt(this.#connection), INTERRUPT_AGAIN_MS)
  }

  #change(): Promise<void> {
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
