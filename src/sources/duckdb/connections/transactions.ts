import { GatewayError } from '../../../query/errors.ts'
import type { SourceTransactions } from '../../../query/source.ts'
import type { Context } from '../../../query/types.ts'
import type { Lender } from './connection-pool.ts'
import { TransactionConnection } from './transaction-connection.ts'

/**
 * Runs statements on a connection that `lender` lends.
 * @param onEnd told when the worker has ended the statements, which may be after the promise has settled
 * @throws GatewayError
 */
export type ExecuteOn = (
  lender: Lender,
  statements: readonly string[],
  signal: AbortSignal,
  onEnd?: () => void,
) => Promise<void>

/** Open transactions of DuckDB: each has a connection of its own for as long as it lasts. */
export class DuckDbTransactions implements SourceTransactions {
  readonly #connections: Lender
  readonly #execute: ExecuteOn
  readonly #onCommit: () => void
  readonly #open = new Map<string, TransactionConnection>()

  /** @param onCommit told when a commit may have changed the catalog, once other connections see the change */
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
    // DuckDB rolls back when the statement that still runs gives the connection back.
    this.#open.delete(id)
    open.end(false)
  }

  /** Ends the connections of all transactions, which DuckDB then rolls back. */
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
