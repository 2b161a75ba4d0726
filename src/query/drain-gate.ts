import { GatewayError } from './errors.ts'

/** Whether new work is taken. A process that drains closes it; what has begun goes on. */
export class DrainGate {
  #closed = false
  readonly #endedTransaction = new Set<string>()

  get closed(): boolean {
    return this.#closed
  }

  /** From now on nothing new is taken. */
  close(): void {
    this.#closed = true
  }

  /** @throws GatewayError DRAINING once it is closed */
  admit(): void {
    if (this.#closed) throw new GatewayError('DRAINING')
  }

  /** Remembers whose transaction came to its end since the closing. */
  transactionEnded(client: string): void {
    if (this.#closed) this.#endedTransaction.add(client)
  }

  /** Whether a client's transaction came to its end since the closing. */
  hasEndedTransaction(client: string): boolean {
    return this.#endedTransaction.has(client)
  }
}
