import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { Control, type Order, type Reply } from './orders.ts'

/** Batches a worker may be ahead of the reader. */
const MAX_AHEAD = 4

const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** A worker thread that carries out one order at a time. */
export class Seat {
  readonly #control = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker
  readonly #returns: MessagePort
  #listener: ((reply: Reply) => void) | undefined

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.#returns = port1
    this.#worker = new Worker(workerFile, {
      workerData: { control: this.#control, returns: port2 },
      transferList: [port2],
      stdout: false,
      stderr: false,
    })
    this.#worker.on('message', (reply: Reply) => this.#listener?.(reply))
    this.#worker.on('error', (error: Error) =>
      this.#listener?.({
        kind: 'done',
        error: { message: `INTERNAL Error: ${error.message}`, unsupported: false },
        broken: true,
      }),
    )
    this.#worker.unref()
    this.#returns.unref()
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
    this.#worker.postMessage(order)
  }

  /** The order is to end as soon as it can; DuckDB itself is interrupted by the caller. */
  stop(): void {
    Atomics.store(this.#control, Control.stop, 1)
    Atomics.notify(this.#control, Control.credit)
  }

  /** A batch has been used: its memory goes back and, while its order still runs, one more may be sent. */
  giveBack(body: ArrayBuffer, running: boolean): void {
    this.#returns.postMessage(body, [body])
    if (!running) return
    Atomics.add(this.#control, Control.credit, 1)
    Atomics.notify(this.#control, Control.credit)
  }

  async close(): Promise<void> {
    this.#returns.close()
    await this.#worker.terminate()
  }
}
