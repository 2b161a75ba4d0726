import { Worker } from 'node:worker_threads'
import {
  type BodyReference,
  BUSY_FLAGS,
  Control,
  END,
  type Failure,
  MAX_POOLED_BODIES,
  type Reply,
  UNPOOLED,
  type WorkerRequest,
  type WorkerSetup,
} from './messages.ts'

/** Batches that a worker may send before the reader takes one. */
const MAX_AHEAD = 3

const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url)

/** A worker thread. It executes one request at a time. */
export class WorkerThread {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * (BUSY_FLAGS + MAX_POOLED_BODIES)))
  readonly #worker: Worker
  readonly #bodies: SharedArrayBuffer[] = []
  readonly #exited = Promise.withResolvers<void>()
  #listener: ((reply: Reply) => void) | undefined
  #fault: NodeJS.ErrnoException | undefined
  #chunksSeen = 0

  /** @param onExit called when the thread has ended, before the listener of its request */
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
    // Only `exit` is sure: until then the thread may still use the connection.
    this.#worker.on('exit', () => {
      onExit()
      this.#listener?.(lastReply(this.#fault))
      this.#exited.resolve()
    })
    this.#worker.unref()
  }

  /** Starts a request; `listener` gets its replies up to `done`. The worker keeps the process alive until then. */
  start(request: WorkerRequest, listener: (reply: Reply) => void): void {
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
    this.#worker.postMessage(request, request.kind === 'ingest' ? [request.inbox] : [])
  }

  /** Asks the worker to end its request as soon as it can. The caller interrupts DuckDB itself. */
  stop(): void {
    Atomics.store(this.#control, Control.stop, 1)
    Atomics.notify(this.#control, Control.credit)
    Atomics.notify(this.#control, Control.inbox)
  }

  /** Tells the worker that one more message is in its inbox. */
  notifyInbox(): void {
    Atomics.add(this.#control, Control.inbox, 1)
    Atomics.notify(this.#control, Control.inbox)
  }

  /** Whether DuckDB has worked for this worker, and has produced no chunk, since the previous call. */
  madeNoProgress(): boolean {
    const previous = this.#chunksSeen
    this.#chunksSeen = Atomics.load(this.#control, Control.chunks)
    return previous === this.#chunksSeen && Atomics.load(this.#control, Control.working) === 1
  }

  /** The memory of a body that this worker has sent. */
  memoryOf({ id, memory }: BodyReference): SharedArrayBuffer {
    if (memory && id !== UNPOOLED) this.#bodies[id] = memory
    return memory ?? this.#bodies[id]!
  }

  /** Frees the memory of a batch. While the request still runs, the worker may send one more batch. */
  releaseBody({ id }: BodyReference, running: boolean): void {
    if (id !== UNPOOLED) Atomics.store(this.#control, BUSY_FLAGS + id, 0)
    if (!running) return
    Atomics.add(this.#control, Control.credit, 1)
    Atomics.notify(this.#control, Control.credit)
  }

  /**
   * Ends the thread after its request, if it has one. The thread ends itself: terminated from outside while it loads or calls
   * native code, it would end the process, since a Node-API addon cannot report an error to a thread that ends.
   */
  async close(): Promise<void> {
    this.#worker.ref()
    this.#worker.postMessage(END)
    await this.#exited.promise
  }
}

/** The reply that stands in for the one that a dead worker did not send. */
function lastReply(fault: NodeJS.ErrnoException | undefined): Reply {
  const error: Failure = {
    message: `INTERNAL Error: a worker died: ${fault?.message ?? 'it ended without an error'}`,
    isWorkerMemory: fault?.code === 'ERR_WORKER_OUT_OF_MEMORY',
  }
  return { kind: 'done', error, affectedRows: -1, isConnectionBroken: true, isOrphaned: true }
}
