import { GatewayError } from '../../query/errors.ts'
import type { StatementMeter } from '../requests/statement-meter.ts'

/**
 * Lets the statements of a batch try again that got no slot because the queue was full or the wait too long, as long as others of
 * the batch run or wait: a batch must not fail from its own load. The limits of the queue hold all the same.
 */
export class SlotTurns {
  /** The statements that wait for a slot or have one. */
  readonly #active = new Set<object>()
  readonly #waiting = new Set<() => void>()

  /**
   * Plans or runs a statement, again each time that another one of the batch has ended, while there is no slot for it. The caller
   * reports its end.
   * @param meter measures the statement; absent for one that is only planned
   * @throws what `work` throws; the signal's reason
   */
  async take<T>(statement: object, signal: AbortSignal, work: () => Promise<T>, meter?: StatementMeter): Promise<T> {
    for (;;) {
      this.#active.add(statement)
      try {
        return await work()
      } catch (error) {
        this.#active.delete(statement)
        if (!isRefusal(error) || this.#active.size === 0 || signal.aborted) throw error
      }
      meter?.queueAgain()
      await this.#turn(signal)
      signal.throwIfAborted()
      meter?.proceed()
    }
  }

  /** The statement has ended, or is planned: another one may try. */
  end(statement: object): void {
    this.#active.delete(statement)
    const [next] = this.#waiting
    next?.()
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#waiting.delete(go)
        signal.removeEventListener('abort', go)
        resolve()
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', go, { once: true })
    })
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof GatewayError && (error.code === 'QUEUE_FULL' || error.code === 'QUEUE_TIMEOUT')
}
