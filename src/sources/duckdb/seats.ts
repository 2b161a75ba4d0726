import { GatewayError } from '../../query/errors.ts'
import { Seat } from './seat.ts'

/** Time after which a worker without work ends, in milliseconds. */
const IDLE_MS = 30_000
/** Threads at the most for each worker that may be at work, so that those who hold workers for ever cannot start any number. */
const MAX_THREADS_PER_SEAT = 2
const RETRY_AFTER_MS = 5000

interface Waiter {
  readonly take: (seat: Seat) => void
  readonly fail: (error: GatewayError) => void
}

/**
 * So many workers, started when needed, ended when idle; whoever comes when all are taken waits in line. A worker that is
 * stuck is not counted, and ends when it is given back.
 */
export class Seats {
  readonly #max: number
  readonly #writes: boolean
  readonly #minIdle: number
  readonly #idle: { readonly seat: Seat; readonly since: number }[] = []
  readonly #all = new Set<Seat>()
  readonly #stuck = new Set<Seat>()
  readonly #waiting = new Set<Waiter>()
  readonly #reaper: NodeJS.Timeout
  #closed = false

  /**
   * @param writes whether statements may change data
   * @param minIdle how many stay however long they are idle
   */
  constructor(max: number, writes: boolean, minIdle = 1) {
    this.#max = max
    this.#writes = writes
    this.#minIdle = minIdle
    this.#reaper = setInterval(() => this.#endIdle(), IDLE_MS / 2)
    this.#reaper.unref()
  }

  /** Whether a worker can be had without waiting. */
  get hasRoom(): boolean {
    return this.#idle.length > 0 || this.#mayStart
  }

  /** A free worker. @throws the signal's reason; GatewayError QUEUE_FULL when all are stuck, DRAINING when closed */
  take(signal: AbortSignal): Promise<Seat> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const free = this.#free()
    if (free) return Promise.resolve(free)
    const refusal = this.#refusal()
    if (refusal) return Promise.reject(refusal)
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
  give(seat: Seat): void {
    if (this.#stuck.has(seat) || this.#closed) {
      this.#forget(seat)
      void seat.close()
    } else if (this.#all.has(seat)) {
      this.#idle.push({ seat, since: Date.now() })
      this.#serve()
    }
  }

  /** The worker does not let go of what it was told to stop: another takes its place. */
  giveUp(seat: Seat): void {
    if (!this.#all.has(seat)) return
    this.#stuck.add(seat)
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

  #free(): Seat | undefined {
    if (this.#closed) return undefined
    const idle = this.#idle.pop()
    if (idle) return idle.seat
    if (!this.#mayStart) return undefined
    const seat: Seat = new Seat(this.#writes, () => this.#forget(seat))
    this.#all.add(seat)
    return seat
  }

  /** Why waiting is of no use. */
  #refusal(): GatewayError | undefined {
    if (this.#closed) return new GatewayError('DRAINING')
    if (this.#stuck.size < this.#max * MAX_THREADS_PER_SEAT) return undefined
    return new GatewayError(
      'QUEUE_FULL',
      'All workers of the source are held by statements that go on after they were cancelled: try again later, and do ' +
        'without functions that take long over a single value.',
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }

  /** Those in line get what is free, or learn that there will be nothing. */
  #serve(): void {
    for (const waiter of this.#waiting) {
      const seat = this.#free()
      const refusal = seat ? undefined : this.#refusal()
      if (seat) waiter.take(seat)
      else if (refusal) waiter.fail(refusal)
      else return
    }
  }

  #forget(seat: Seat): void {
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
