import { Worker } from 'node:worker_threads'
import type { Address } from '../native/library.ts'
import type { WorkerThread } from './worker-thread.ts'

/** Whether task threads are to work; the value of the word that all of them share. */
export const Demand = { none: 0, wanted: 1, ended: 2 } as const

/** `workerData` of a task thread. */
export interface TaskThreadSetup {
  readonly engine: Address
  /** One word, a value of `Demand`. */
  readonly demand: Int32Array
}

/** Interval at which running workers are checked, in milliseconds: a worker without a chunk for that long wants task threads. */
const LOOK_INTERVAL_MS = 8

/** Checks in a row that must find demand before the threads are started, since each thread costs memory from then on. */
const TICKS_BEFORE_START = 6

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './task-thread-main.ts' : './task-thread-main.js',
  import.meta.url,
)

/**
 * Threads that execute DuckDB's tasks beside the worker that runs the statement, once the statement proves to be long.
 * DuckDB's own threads always take part, which costs more than it gains when rows come quickly: for each fetched chunk DuckDB
 * wakes them for the next one, and they and the reader spin for it. The narrow column of `npm run bench -- embedded` takes
 * twice the CPU that way and is no faster. The threads start on first demand.
 */
export class TaskThreads {
  /** How many threads to start; 0 while DuckDB still has threads of its own. */
  count = 0
  readonly #engine: Address
  readonly #demand = new Int32Array(new SharedArrayBuffer(4))
  readonly #threads: { readonly worker: Worker; readonly exit: Promise<void> }[] = []
  readonly #running = new Set<WorkerThread>()
  #timer: NodeJS.Timeout | undefined
  #ticksInDemand = 0

  constructor(engine: Address) {
    this.#engine = engine
  }

  /** A request starts on a worker. */
  watch(worker: WorkerThread): void {
    if (this.count === 0) return
    this.#running.add(worker)
    this.#timer ??= setInterval(() => this.#look(), LOOK_INTERVAL_MS).unref()
  }

  /** A request has ended. */
  unwatch(worker: WorkerThread): void {
    this.#running.delete(worker)
    if (this.#running.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ticksInDemand = 0
    this.#set(Demand.none)
  }

  /** Waits until no task thread touches the database any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#set(Demand.ended)
    for (const { worker } of this.#threads) worker.ref()
    await Promise.all(this.#threads.map(({ exit }) => exit))
  }

  #look(): void {
    let wanted = false
    // Ask every worker: each call starts that worker's next interval.
    for (const worker of this.#running) if (worker.madeNoProgress()) wanted = true
    this.#ticksInDemand = wanted ? this.#ticksInDemand + 1 : 0
    if (this.#ticksInDemand >= TICKS_BEFORE_START && this.#threads.length === 0) this.#start()
    this.#set(wanted ? Demand.wanted : Demand.none)
  }

  #start(): void {
    const workerData: TaskThreadSetup = { engine: this.#engine, demand: this.#demand }
    for (let i = 0; i < this.count; i++) {
      const worker = new Worker(threadFile, { workerData, name: 'duckdb-task-thread', stdout: false, stderr: false })
      worker.unref()
      // Without this thread the statement only takes longer.
      worker.on('error', () => {})
      this.#threads.push({ worker, exit: new Promise((resolve) => worker.once('exit', () => resolve())) })
    }
  }

  #set(state: number): void {
    if (Atomics.load(this.#demand, 0) === Demand.ended) return
    if (Atomics.exchange(this.#demand, 0, state) !== state) Atomics.notify(this.#demand, 0)
  }
}
