import { GatewayError } from '../../../query/errors.ts'
import type { Address } from '../native/library.ts'
import type { Lender } from './connection-pool.ts'

/**
 * The connection of one transaction, lent to its statements one at a time. It is given back when the transaction is over
 * and its last statement has ended.
 */
export class TransactionConnection implements Lender {
  readonly #owner: Lender
  readonly #connection: Address
  #isLent = false
  #isOver = false
  #isReusable = true

  /** @param owner lends the connection for the transaction. @throws DuckDbError */
  constructor(owner: Lender) {
    this.#owner = owner
    this.#connection = owner.take()
  }

  /** Whether a statement runs on it. */
  get isLent(): boolean {
    return this.#isLent
  }

  /** @throws GatewayError CONFLICT while a cancelled statement still runs on it */
  take(): Address {
    if (this.#isLent)
      throw new GatewayError(
        'CONFLICT',
        'A statement of the transaction goes on though it was cancelled: roll back, and begin again.',
      )
    this.#isLent = true
    return this.#connection
  }

  /** @param reusable false when a statement left the connection in an unknown state */
  give(_connection: Address, reusable: boolean): void {
    this.#isLent = false
    if (!reusable) this.#isReusable = false
    this.#giveBack()
  }

  /** Ends the transaction. @param isClean whether it ended in order, so that other statements may use the connection */
  end(isClean: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!isClean) this.#isReusable = false
    this.#giveBack()
  }

  #giveBack(): void {
    if (this.#isOver && !this.#isLent) this.#owner.give(this.#connection, this.#isReusable)
  }
}
