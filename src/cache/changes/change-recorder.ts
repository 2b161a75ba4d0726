import { GatewayError } from '../../query/errors.ts'
import type { Logger } from '../../query/types.ts'
import type { Change, ChangeLog } from './change-log.ts'

/** Delays after which a change is recorded again if the engine may still be at work on it, in milliseconds. */
const REPEATS_MS = [1000, 5000, 30_000]
/** Delay before the recorder tries again if the log is not available, in milliseconds. */
const RETRY_MS = 1000
/** Transactions whose changes are remembered; all of them are open on this replica. */
const MAX_TABLES = 64

/** Records what statements change, outside of transactions at once and in a transaction when it ends. */
export class ChangeRecorder {
  readonly #changes: ChangeLog
  readonly #log: Logger
  /** What the open transactions have changed. */
  readonly #transactions = new Map<string, Change>()
  /** Changes that could not be recorded yet, by source. */
  readonly #pending = new Map<string, Change>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #isClosed = false

  constructor(changes: ChangeLog, log: Logger) {
    this.#changes = changes
    this.#log = log
  }

  /** Records a change. If the log is not available, it goes on trying: the change has taken effect. */
  async record(change: Change): Promise<void> {
    try {
      await this.#changes.record(change)
    } catch (err) {
      this.#log.error(
        { event: 'cache', source: change.source, err },
        'a change was not recorded: the cache may serve older rows',
      )
      this.#keep(change)
    }
  }

  /** Records a change now and some times later: the engine may still be at work on it, though its client got an error. */
  async recordUncertain(change: Change): Promise<void> {
    await this.record(change)
    for (const delayMs of REPEATS_MS) this.#later(delayMs, () => void this.record(change))
  }

  /** Remembers what a statement of a transaction changes, until the transaction ends. */
  addToTransaction(id: string, change: Change): void {
    const before = this.#transactions.get(id)
    const tables = before?.tables && change.tables ? [...new Set([...before.tables, ...change.tables])] : undefined
    const isKnown = (before === undefined || tables !== undefined) && (tables?.length ?? 0) <= MAX_TABLES
    this.#transactions.set(id, { ...change, tables: isKnown ? (tables ?? change.tables) : undefined })
  }

  /** Records what a transaction has changed, whether it was committed or not: an engine may have committed a part of it. */
  async endTransaction(id: string): Promise<void> {
    const change = this.#transactions.get(id)
    if (!change) return
    this.#transactions.delete(id)
    await this.record(change)
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #keep(change: Change): void {
    const isFirst = this.#pending.size === 0
    this.#pending.set(change.source, { ...change, tables: undefined })
    if (isFirst) this.#later(RETRY_MS, () => void this.#retry())
  }

  async #retry(): Promise<void> {
    for (const [source, change] of this.#pending)
      try {
        await this.#changes.record(change)
        this.#pending.delete(source)
      } catch (error) {
        this.#log.debug(
          { event: 'cache', source, code: GatewayError.from(error).code },
          'the change log does not answer',
        )
        break
      }
    if (this.#pending.size > 0) this.#later(RETRY_MS, () => void this.#retry())
  }

  #later(delayMs: number, work: () => void): void {
    if (this.#isClosed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, delayMs)
    timer.unref()
    this.#timers.add(timer)
  }
}
