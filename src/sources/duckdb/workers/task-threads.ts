import { Worker } from 'node:worker_threads'
import type { Address } from '../native/library.ts'
import type { WorkerThread } from './worker-thread.ts'

/** What helpers are to do; the word they share. */
export const Help = { none: 0, wanted: 1, ended: 2 } as const

/** What a helper is made with. */
export interface TaskThreadSetup {
  readonly engine: Address
  /** One word of `Help`. */
  readonly help: Int32Array
}

/** How long DuckDB may be busy for a seat without giving it rows before it gets help, in milliseconds. */
const PATIENCE_MS = 8

/** How many times in a row help is to be wanted before its threads are started, which take memory from then on. */
const WISHES_BEFORE_START = 6

const helperFile = new URL(
  import.meta.url.endsWith('.ts') ? './task-thread-main.ts' : './task-thread-main.js',
  import.meta.url,
)

/**
 * The threads that join in on a statement besides the one that runs it, as soon as it turns out to be work. DuckDB's own
 * threads would join always, and where rows come quickly that costs more than they contribute: for each chunk that is
 * fetched DuckDB wakes them for the next, and they and the reader then spin for it; the narrow column of
 * `npm run bench -- embedded` takes twice the CPU and is no faster. Started when needed first.
 */
export class TaskThreads {
  /** How many threads help; none while DuckDB still has threads of its own. */
  count = 0
  readonly #engine: Address
  readonly #help = new Int32Array(new SharedArrayBuffer(4))
  readonly #workers: { readonly worker: Worker; readonly exit: Promise<void> }[] = []
  readonly #busy = new Set<WorkerThread>()
  #timer: NodeJS.Timeout | undefined
  #wishes = 0

  constructor(engine: Address) {
    this.#engine = engine
  }

  /** An order begins on a seat. */
  watch(seat: WorkerThread): void {
    if (this.count === 0) return
    this.#busy.add(seat)
    this.#timer ??= setInterval(() => this.#look(), PATIENCE_MS).unref()
  }

  /** An order has ended. */
  unwatch(seat: WorkerThread): void {
    this.#busy.delete(seat)
    if (this.#busy.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#wishes = 0
    this.#set(Help.none)
  }

  /** Waits until no helper touches the database any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#set(Help.ended)
    for (const { worker } of this.#workers) worker.ref()
    await Promise.all(this.#workers.map(({ exit }) => exit))
  }

  #look(): void {
    let wanted = false
    // Each seat is asked: the question counts from the last one on.
    for (const seat of this.#busy) if (seat.isStuck()) wanted = true
    this.#wishes = wanted ? this.#wishes + 1 : 0
    if (this.#wishes >= WISHES_BEFORE_START && this.#workers.length === 0) this.#start()
    this.#set(wanted ? Help.wanted : Help.none)
  }

  #start(): void {
    const workerData: TaskThreadSetup = { engine: this.#engine, help: this.#help }
    for (let i = 0; i < this.count; i++) {
      const worker = new Worker(helperFile, { workerData, name: 'duckdb-helper', stdout: false, stderr: false })
      worker.unref()
      // Without its help the statement takes longer, and that is all.
      worker.on('error', () => {})
      this.#workers.push({ worker, exit: new Promise((resolve) => worker.once('exit', () => resolve())) })
    }
  }

  #set(wish: number): void {
    if (Atomics.load(this.#help, 0) === Help.ended) return
    if (Atomics.exchange(this.#help, 0, wish) !== wish) Atomics.notify(this.#help, 0)
  }
}
