import { GatewayError } from './errors.ts'
import type { ChangeMark } from './types.ts'

/** Admits new work until the process drains. Work that has begun continues. */
export class DrainGate {
  #closed = false
  readonly #endedTransaction = new Set<string>()

  get closed(): boolean {
    return this.#closed
  }

  /** Rejects new work from now on. */
  close(): void {
    this.#closed = true
  }

  /** @throws GatewayError DRAINING once the gate is closed */
  admit(): void {
    if (this.#closed) throw new GatewayError('DRAINING')
  }

  /** Records a client whose transaction has ended since the gate closed. */
  transactionEnded(client: string): void {
    if (this.#closed) this.#endedTransaction.add(client)
  }

  /** Whether a transaction of the client has ended since the gate closed. */
  hasEndedTransaction(client: string): boolean {
    return this.#endedTransaction.has(client)
  }
}

/** The error of a call that the end of the process cuts off. It promises a retry only where nothing can have been changed. */
export function stoppedError({ mayHaveChanged }: ChangeMark): GatewayError {
  return mayHaveChanged
    ? new GatewayError(
        'CANCELLED',
        'The gateway stopped while the call ran, and a change may have been carried out: look before you run it again.',
      )
    : new GatewayError('DRAINING', 'The gateway stopped while the call ran: run it again at another instance.')
}
