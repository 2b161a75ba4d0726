import { GatewayError } from '../../../query/errors.ts'
import { WorkerThread } from './worker-thread.ts'

/** Time after which a worker without work ends, in milliseconds. */
const IDLE_MS = 30_000
/** Threads at the most for each worker that may be at work, so that those who hold workers for ever cannot start any number. */
const MAX_THREADS_PER_SEAT = 2
const RETRY_AFTER_MS = 5000

interface Waiter {
  readonly holder: string
  readonly take: (seat: WorkerThread) => void
  readonly fail: (error: GatewayError) => void
}

/**
 * So many workers, started when needed, ended when idle; whoever comes when all are taken waits in line. A worker that is
 * stuck is not counted, and ends when it is given back.
 */
export class WorkerPool {
  readonly #max: number
  readonly #writes: boolean
  readonly #minIdle: number
  readonly #maxStuckHeld: number
  readonly #idle: { readonly seat: WorkerThread; readonly since: number }[] = []
  readonly #all = new Set<WorkerThread>()
  /** Workers that do not let go, with whose statements they are at. */
  readonly #stuck = new Map<WorkerThread, string>()
  readonly #waiting = new Set<Waiter>()
  readonly #reaper: NodeJS.Timeout
  #closed = false

  /**
   * @param writes whether statements may change data
   * @param minIdle how many stay however long they are idle
   * @param maxStuckHeld how many may be stuck at statements of one holder before it gets no more
   */
  constructor(max: number, writes: boolean, minIdle = 1, maxStuckHeld = Number.POSITIVE_INFINITY) {
    this.#max = max
    this.#writes = writes
    this.#minIdle = minIdle
    this.#maxStuckHeld = maxStuckHeld
    this.#reaper = setInterval(() => this.#endIdle(), IDLE_MS / 2)
    this.#reaper.unref()
  }

  /** How many workers can be had without waiting. */
  get spare(): number {
    const { size } = this.#all
    const startable = Math.min(this.#max - (size - this.#stuck.size), this.#max * MAX_THREADS_PER_SEAT - size)
    return this.#idle.length + Math.max(0, startable)
  }

  /**
   * A free worker.
   * @param holder whose statement it is for
   * @throws the signal's reason; GatewayError QUEUE_FULL when all are stuck, or too many at the holder's statements;
   *   DRAINING when closed
   */
  take(signal: AbortSignal, holder = ''): Promise<WorkerThread> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const refusal = this.#refusal(holder)
    if (refusal) return Promise.reject(refusal)
    const free = this.#free()
    if (free) return Promise.resolve(free)
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiter)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const waiter: Waiter = {
        holder,
        take: (seat) => {
          leave()
          resolve(seat)
        },
        fail: (error) => {
          leave()
          reject(error)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiter)
    })
  }

  /** The worker has let go of what it was at. */
  give(seat: WorkerThread): void {
    if (this.#stuck.has(seat) || this.#closed) {
      this.#forget(seat)
      void seat.close()
    } else if (this.#all.has(seat)) {
      this.#idle.push({ seat, since: Date.now() })
      this.#serve()
    }
  }

  /** The worker does not let go of what it was told to stop: another takes its place. */
  giveUp(seat: WorkerThread, holder = ''): void {
    if (!this.#all.has(seat)) return
    this.#stuck.set(seat, holder)
    this.#serve()
  }

  /** Lends no more, and ends the workers; those that are stuck end when they are given back. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#reaper)
    this.#serve()
    await Promise.all([...this.#all].filter((seat) => !this.#stuck.has(seat)).map((seat) => seat.close()))
  }

  get #mayStart(): boolean {
    const { size } = this.#all
    return size - this.#stuck.size < this.#max && size < this.#max * MAX_THREADS_PER_SEAT
  }

  #free(): WorkerThread | undefined {
    if (this.#closed) return undefined
    const idle = this.#idle.pop()
    if (idle) return idle.seat
    if (!this.#mayStart) return undefined
    const seat: WorkerThread = new WorkerThread(this.#writes, () => this.#forget(seat))
    this.#all.add(seat)
    return seat
  }

  /** Why waiting is of no use. */
  #refusal(holder: string): GatewayError | undefined {
    if (this.#closed) return new GatewayError('DRAINING')
    const areAllStuck = this.#stuck.size >= this.#max * MAX_THREADS_PER_SEAT
    if (!areAllStuck && !this.#hasTooManyStuck(holder)) return undefined
    const whose = areAllStuck ? 'All workers of the source' : 'All workers that one principal may have'
    return new GatewayError(
      'QUEUE_FULL',
      `${whose} are held by statements that go on after they were cancelled: try again later, and do ` +
        'without functions that take long over a single value.',
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }

  #hasTooManyStuck(holder: string): boolean {
    if (this.#stuck.size < this.#maxStuckHeld) return false
    let stuck = 0
    for (const other of this.#stuck.values()) if (other === holder) stuck++
    return stuck >= this.#maxStuckHeld
  }

  /** Those in line get what is free, or learn that there will be nothing. */
  #serve(): void {
    for (const waiter of this.#waiting) {
      const refusal = this.#refusal(waiter.holder)
      const seat = refusal ? undefined : this.#free()
      if (refusal) waiter.fail(refusal)
      else if (seat) waiter.take(seat)
      else return
    }
  }

  #forget(seat: WorkerThread): void {
    this.#all.delete(seat)
    this.#stuck.delete(seat)
    const at = this.#idle.findIndex((idle) => idle.seat === seat)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#serve()
  }

  #endIdle(): void {
    while (this.#idle.length > this.#minIdle && Date.now() - this.#idle[0]!.since > IDLE_MS) {
      const { seat } = this.#idle.shift()!
      this.#all.delete(seat)
      void seat.close()
    }
  }
}
