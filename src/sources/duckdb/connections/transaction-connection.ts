import { GatewayError } from '../../../query/errors.ts'
import type { Address } from '../native/library.ts'
import type { ConnectionProvider } from './connection-pool.ts'

/**
 * The connection of one transaction. Its statements use it one at a time. It returns to its provider when the transaction is
 * over and its last statement has ended.
 */
export class TransactionConnection implements ConnectionProvider {
  readonly #provider: ConnectionProvider
  readonly #connection: Address
  #isInUse = false
  #isOver = false
  #isReusable = true

  /** @param provider provides the connection for the transaction. @throws DuckDbError */
  constructor(provider: ConnectionProvider) {
    this.#provider = provider
    this.#connection = provider.acquire()
  }

  /** Whether a statement is running on the connection. */
  get isInUse(): boolean {
    return this.#isInUse
  }

  /** @throws GatewayError CONFLICT while a cancelled statement is still running on the connection */
  acquire(): Address {
    if (this.#isInUse)
      throw new GatewayError(
        'CONFLICT',
        'A cancelled statement of the transaction is still running: roll back and begin again.',
      )
    this.#isInUse = true
    return this.#connection
  }

  /** @param isReusable false when a statement left the connection in an unknown state */
  release(_connection: Address, isReusable: boolean): void {
    this.#isInUse = false
    if (!isReusable) this.#isReusable = false
    this.#releaseWhenDone()
  }

  /** Ends the transaction. @param isClean whether it ended in order, so that other statements may use the connection */
  end(isClean: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!isClean) this.#isReusable = false
    this.#releaseWhenDone()
  }

  #releaseWhenDone(): void {
    if (this.#isOver && !this.#isInUse) this.#provider.release(this.#connection, this.#isReusable)
  }
}
