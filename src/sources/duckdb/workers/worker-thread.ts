import { Worker } from 'node:worker_threads'
import {
  type BodyReference,
  BUSY_FLAGS,
  Control,
  type Failure,
  MAX_POOLED_BODIES,
  type Order,
  type Reply,
  UNPOOLED,
  type WorkerSetup,
} from './messages.ts'

/** Batches a worker may be ahead of the reader. */
const MAX_AHEAD = 3

const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url)

/** A worker thread that carries out one order at a time. */
export class WorkerThread {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * (BUSY_FLAGS + MAX_POOLED_BODIES)))
  readonly #worker: Worker
  readonly #bodies: SharedArrayBuffer[] = []
  #listener: ((reply: Reply) => void) | undefined
  #fault: NodeJS.ErrnoException | undefined
  #chunksSeen = 0

  /** @param onExit told when the thread has ended, before the order is that it was at */
  constructor(writes: boolean, onExit: () => void) {
    const workerData: WorkerSetup = { control: this.#control, writes }
    this.#worker = new Worker(workerFile, {
      workerData,
      stdout: false,
      stderr: false,
    })
    this.#worker.on('message', (replies: readonly Reply[]) => {
      for (const reply of replies) this.#listener?.(reply)
    })
    this.#worker.on('error', (error: Error) => {
      this.#fault = error
    })
    // Not before: until then the thread may still be at work on the connection.
    this.#worker.on('exit', () => {
      onExit()
      this.#listener?.(lastReply(this.#fault))
    })
    this.#worker.unref()
  }

  /** Starts an order; `listener` hears its replies up to `done`. The process stays alive meanwhile. */
  start(order: Order, listener: (reply: Reply) => void): void {
    Atomics.store(this.#control, Control.credit, MAX_AHEAD)
    Atomics.store(this.#control, Control.stop, 0)
    this.#worker.ref()
    this.#listener = (reply) => {
      if (reply.kind === 'done') {
        this.#listener = undefined
        this.#worker.unref()
      }
      listener(reply)
    }
    this.#worker.postMessage(order, order.kind === 'ingest' ? [order.inbox] : [])
  }

  /** The order is to end as soon as it can; DuckDB itself is interrupted by the caller. */
  stop(): void {
    Atomics.store(this.#control, Control.stop, 1)
    Atomics.notify(this.#control, Control.credit)
    Atomics.notify(this.#control, Control.inbox)
  }

  /** Tells the worker that its inbox has one message more. */
  notifyInbox(): void {
    Atomics.add(this.#control, Control.inbox, 1)
    Atomics.notify(this.#control, Control.inbox)
  }

  /** Whether DuckDB has worked for this seat, and given it nothing, since the last time this was asked. */
  isStuck(): boolean {
    const seen = this.#chunksSeen
    this.#chunksSeen = Atomics.load(this.#control, Control.chunks)
    return seen === this.#chunksSeen && Atomics.load(this.#control, Control.working) === 1
  }

  /** The memory of a body that this worker spoke of. */
  memoryOf({ id, memory }: BodyReference): SharedArrayBuffer {
    if (memory && id !== UNPOOLED) this.#bodies[id] = memory
    return memory ?? this.#bodies[id]!
  }

  /** A batch has been used: its memory is free again and, while its order still runs, one more may be sent. */
  giveBack({ id }: BodyReference, running: boolean): void {
    if (id !== UNPOOLED) Atomics.store(this.#control, BUSY_FLAGS + id, 0)
    if (!running) return
    Atomics.add(this.#control, Control.credit, 1)
    Atomics.notify(this.#control, Control.credit)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** What a worker would have said of its death. */
function lastReply(fault: NodeJS.ErrnoException | undefined): Reply {
  const error: Failure = {
    message: `INTERNAL Error: a worker died: ${fault?.message ?? 'it ended without an error'}`,
    isWorkerMemory: fault?.code === 'ERR_WORKER_OUT_OF_MEMORY',
  }
  return { kind: 'done', error, affectedRows: -1, broken: true, isOrphaned: true }
}
