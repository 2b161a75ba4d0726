import { Seat } from './seat.ts'

/** Time after which a worker without work ends, in milliseconds. */
const IDLE_MS = 30_000

interface Waiter {
  readonly take: (seat: Seat) => void
}

/** So many workers, started when needed, ended when idle; whoever comes when all are taken waits in line. */
export class Seats {
  readonly #max: number
  readonly #writes: boolean
  readonly #idle: { readonly seat: Seat; readonly since: number }[] = []
  readonly #all = new Set<Seat>()
  readonly #waiting = new Set<Waiter>()
  readonly #reaper: NodeJS.Timeout

  /** @param writes whether statements may change data */
  constructor(max: number, writes: boolean) {
    this.#max = max
    this.#writes = writes
    this.#reaper = setInterval(() => this.#endIdle(), IDLE_MS / 2)
    this.#reaper.unref()
  }

  /** A free worker. @throws the signal's reason */
  take(signal: AbortSignal): Promise<Seat> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const free = this.#idle.pop()
    if (free) return Promise.resolve(free.seat)
    if (this.#all.size < this.#max) {
      const seat = new Seat(this.#writes)
      this.#all.add(seat)
      return Promise.resolve(seat)
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(waiter)
        reject(signal.reason)
      }
      const waiter: Waiter = {
        take: (seat) => {
          this.#waiting.delete(waiter)
          signal.removeEventListener('abort', onAbort)
          resolve(seat)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiter)
    })
  }

  give(seat: Seat): void {
    const [next] = this.#waiting
    if (next) next.take(seat)
    else this.#idle.push({ seat, since: Date.now() })
  }

  async close(): Promise<void> {
    clearInterval(this.#reaper)
    await Promise.all([...this.#all].map((seat) => seat.close()))
  }

  #endIdle(): void {
    while (this.#idle.length > 1 && Date.now() - this.#idle[0]!.since > IDLE_MS) {
      const { seat } = this.#idle.shift()!
      this.#all.delete(seat)
      void seat.close()
    }
  }
}
