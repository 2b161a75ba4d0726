import { GatewayError } from '../../../query/errors.ts'
import { WorkerThread } from './worker-thread.ts'

/** Time after which an idle worker thread ends, in milliseconds. */
const IDLE_MS = 30_000
/** Upper bound on threads per slot, so that stuck statements cannot start threads without limit. */
const MAX_THREADS_PER_SLOT = 2
const RETRY_AFTER_MS = 5000

interface Waiter {
  readonly holder: string
  readonly resolve: (worker: WorkerThread) => void
  readonly reject: (error: GatewayError) => void
}

/**
 * A pool of at most `max` busy worker threads. The pool starts a worker when needed and ends it when idle; callers wait in
 * order for a free one. A stuck worker does not count against `max`, and ends when its request does.
 */
export class WorkerPool {
  readonly #max: number
  readonly #writes: boolean
  readonly #minIdle: number
  readonly #maxStuckHeld: number
  readonly #idle: { readonly worker: WorkerThread; readonly since: number }[] = []
  readonly #all = new Set<WorkerThread>()
  /** Workers that ignore their stop, each with the principal that it works for. */
  readonly #stuck = new Map<WorkerThread, string>()
  readonly #waiting = new Set<Waiter>()
  readonly #reaper: NodeJS.Timeout
  #closed = false

  /**
   * @param writes whether statements may change data
   * @param minIdle workers kept however long they are idle
   * @param maxStuckHeld stuck workers of one principal from which on the pool refuses it
   */
  constructor(max: number, writes: boolean, minIdle = 1, maxStuckHeld = Number.POSITIVE_INFINITY) {
    this.#max = max
    this.#writes = writes
    this.#minIdle = minIdle
    this.#maxStuckHeld = maxStuckHeld
    this.#reaper = setInterval(() => this.#endIdle(), IDLE_MS / 2)
    this.#reaper.unref()
  }

  /** Workers that callers can get without waiting. */
  get spare(): number {
    const { size } = this.#all
    const startable = Math.min(this.#max - (size - this.#stuck.size), this.#max * MAX_THREADS_PER_SLOT - size)
    return this.#idle.length + Math.max(0, startable)
  }

  /**
   * Checks out a free worker.
   * @param holder the principal that the statement counts against
   * @throws the signal's reason; GatewayError QUEUE_FULL when all workers, or too many of the principal's, are stuck;
   * DRAINING when closed
   */
  acquire(signal: AbortSignal, holder = ''): Promise<WorkerThread> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const refusal = this.#refusal(holder)
    if (refusal) return Promise.reject(refusal)
    const worker = this.#nextFree()
    if (worker) return Promise.resolve(worker)
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        this.#waiting.delete(waiter)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => {
        stopWaiting()
        reject(signal.reason)
      }
      const waiter: Waiter = {
        holder,
        resolve: (worker) => {
          stopWaiting()
          resolve(worker)
        },
        reject: (error) => {
          stopWaiting()
          reject(error)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiter)
    })
  }

  /** Returns a worker whose request has ended. */
  release(worker: WorkerThread): void {
    if (this.#stuck.has(worker) || this.#closed) {
      this.#remove(worker)
      void worker.close()
    } else if (this.#all.has(worker)) {
      this.#idle.push({ worker, since: Date.now() })
      this.#serve()
    }
  }

  /** Counts a worker as stuck, since it ignores its stop: another worker takes its place. */
  markStuck(worker: WorkerThread, holder = ''): void {
    if (!this.#all.has(worker)) return
    this.#stuck.set(worker, holder)
    this.#serve()
  }

  /** Refuses checkouts and ends the workers. A stuck worker ends when it is returned. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#reaper)
    this.#serve()
    await Promise.all([...this.#all].filter((worker) => !this.#stuck.has(worker)).map((worker) => worker.close()))
  }

  get #canStart(): boolean {
    const { size } = this.#all
    return size - this.#stuck.size < this.#max && size < this.#max * MAX_THREADS_PER_SLOT
  }

  #nextFree(): WorkerThread | undefined {
    if (this.#closed) return undefined
    const idle = this.#idle.pop()
    if (idle) return idle.worker
    if (!this.#canStart) return undefined
    const worker: WorkerThread = new WorkerThread(this.#writes, () => this.#remove(worker))
    this.#all.add(worker)
    return worker
  }

  /** The error for a caller that would wait in vain; undefined when waiting makes sense. */
  #refusal(holder: string): GatewayError | undefined {
    if (this.#closed) return new GatewayError('DRAINING')
    const areAllStuck = this.#stuck.size >= this.#max * MAX_THREADS_PER_SLOT
    if (!areAllStuck && !this.#hasTooManyStuck(holder)) return undefined
    const whose = areAllStuck ? 'All workers of the source' : 'All workers that one principal may have'
    return new GatewayError(
      'QUEUE_FULL',
      `${whose} are busy with cancelled statements that have not ended: try again later, and avoid ` +
        'functions that take long for a single value.',
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }

  #hasTooManyStuck(holder: string): boolean {
    if (this.#stuck.size < this.#maxStuckHeld) return false
    let stuck = 0
    for (const other of this.#stuck.values()) if (other === holder) stuck++
    return stuck >= this.#maxStuckHeld
  }

  /** Serves the waiting callers in order: each gets a free worker or a refusal. */
  #serve(): void {
    for (const waiter of this.#waiting) {
      const refusal = this.#refusal(waiter.holder)
      const worker = refusal ? undefined : this.#nextFree()
      if (refusal) waiter.reject(refusal)
      else if (worker) waiter.resolve(worker)
      else return
    }
  }

  #remove(worker: WorkerThread): void {
    this.#all.delete(worker)
    this.#stuck.delete(worker)
    const index = this.#idle.findIndex((idle) => idle.worker === worker)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#serve()
  }

  #endIdle(): void {
    while (this.#idle.length > this.#minIdle && Date.now() - this.#idle[0]!.since > IDLE_MS) {
      const { worker } = this.#idle.shift()!
      this.#all.delete(worker)
      void worker.close()
    }
  }
}
