import { GatewayError } from '../../../query/errors.ts'
import type { SourceTransactions } from '../../../query/source.ts'
import type { Context } from '../../../query/types.ts'
import type { Lender } from './connection-pool.ts'
import { TransactionConnection } from './transaction-connection.ts'

/**
 * Runs statements on a connection that `lender` lends.
 * @param onEnd told when the worker has let go, which may be after whoever waited has been told that it is over
 * @throws GatewayError
 */
export type ExecuteOn = (
  lender: Lender,
  statements: readonly string[],
  signal: AbortSignal,
  onEnd?: () => void,
) => Promise<void>

/** Open transactions of DuckDB: a connection each, taken from the others for as long as it lasts. */
export class DuckDbTransactions implements SourceTransactions {
  readonly #connections: Lender
  readonly #execute: ExecuteOn
  readonly #onCommit: () => void
  readonly #open = new Map<string, TransactionConnection>()

  /** @param onCommit told when a transaction may have changed the catalog, not before others see that */
  constructor(connections: Lender, execute: ExecuteOn, onCommit: () => void) {
    this.#connections = connections
    this.#execute = execute
    this.#onCommit = onCommit
  }

  /** Lends the connection of a transaction. @throws GatewayError UNKNOWN_TRANSACTION */
  lender(id: string): Lender {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    return open
  }

  async begin(id: string, { readOnly }: { readonly readOnly: boolean }, ctx: Context): Promise<void> {
    const connection = new TransactionConnection(this.#connections)
    try {
      await this.#execute(connection, [`BEGIN TRANSACTION${readOnly ? ' READ ONLY' : ''}`], ctx.signal)
      this.#open.set(id, connection)
    } catch (error) {
      connection.end(false)
      throw error
    }
  }

  /** DuckDB takes the commit of a transaction that a failed statement has aborted for a rollback and reports success: asked first. */
  async commit(id: string, ctx: Context): Promise<void> {
    await this.#end(id, ['SELECT 1', 'COMMIT'], ctx.signal, this.#onCommit)
  }

  async rollback(id: string, ctx: Context): Promise<void> {
    const open = this.#open.get(id)
    if (!open) return
    if (!open.isLent) return await this.#end(id, ['ROLLBACK'], ctx.signal)
    // DuckDB undoes it when the statement that does not end gives the connection up.
    this.#open.delete(id)
    open.end(false)
  }

  /** Gives all connections up; DuckDB rolls back what was open on them. */
  close(): void {
    for (const connection of this.#open.values()) connection.end(false)
    this.#open.clear()
  }

  async #end(id: string, statements: readonly string[], signal: AbortSignal, onEnd?: () => void): Promise<void> {
    const connection = this.#open.get(id)
    if (!connection) throw new GatewayError('UNKNOWN_TRANSACTION')
    this.#open.delete(id)
    let isClean = false
    try {
      await this.#execute(connection, statements, signal, onEnd)
      isClean = true
    } finally {
      connection.end(isClean)
    }
  }
}
