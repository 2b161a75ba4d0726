import { GatewayError } from '../../query/errors.ts'
import type { Logger } from '../../query/types.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** A change of the ledger that must not be lost while the ledger is down. It may be carried out more than once. */
export type LedgerChange = (ledger: Ledger) => Promise<unknown>

/** Time between attempts while the ledger is down, in milliseconds. */
const RETRY_MS = 1000
/** Changes that wait; each is a few hundred bytes. */
const MAX_WAITING = 10_000
/** Time for the changes that wait when the gateway ends, in milliseconds. */
const CLOSE_MS = 3000

/** Carries out changes of the ledger in the background, and keeps those of an outage until the ledger answers again. */
export class SettlementQueue {
  readonly #ledger: Ledger
  readonly #log: Logger
  /** Changes that the ledger did not take, in their order. */
  readonly #waiting: LedgerChange[] = []
  readonly #running = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #isFull = false

  constructor(ledger: Ledger, log: Logger) {
    this.#ledger = ledger
    this.#log = log
  }

  /** Number of changes that wait for the ledger. */
  get waiting(): number {
    return this.#waiting.length
  }

  add(change: LedgerChange): void {
    const task: Promise<void> = this.#try(change).then((isDone) => {
      this.#running.delete(task)
      if (!isDone) this.#keep(change)
    })
    this.#running.add(task)
  }

  /** Gives the changes that wait one more chance. What is still open then, the ledger settles after the next start. */
  async close(): Promise<void> {
    const limit = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref())
    await Promise.race([limit, Promise.all(this.#running).then(() => this.#flush())])
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length > 0)
      this.#log.warn({ event: 'ledger', statements: this.#waiting.length }, 'bills did not reach the ledger')
  }

  /** @returns whether the ledger has taken the change, or never will */
  async #try(change: LedgerChange): Promise<boolean> {
    try {
      await change(this.#ledger)
      return true
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'STATE_UNAVAILABLE') return false
      this.#log.error({ event: 'ledger', err: error }, 'a bill could not be written to the ledger')
      return true
    }
  }

  #keep(change: LedgerChange): void {
    if (this.#waiting.length >= MAX_WAITING) {
      if (!this.#isFull)
        this.#log.error({ event: 'ledger' }, 'too many bills wait for the ledger: further ones are lost')
      this.#isFull = true
      return
    }
    this.#waiting.push(change)
    this.#timer ??= setTimeout(() => void this.#retry(), RETRY_MS).unref()
  }

  async #retry(): Promise<void> {
    await this.#flush()
    this.#timer = this.#waiting.length > 0 ? setTimeout(() => void this.#retry(), RETRY_MS).unref() : undefined
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (!(await this.#try(this.#waiting[0]!))) return
      this.#waiting.shift()
      this.#isFull = false
    }
  }
}
