import { GatewayError } from '../../../query/errors.ts'
import type { SourceTransactions } from '../../../query/source.ts'
import type { Context } from '../../../query/types.ts'
import type { ConnectionProvider } from './connection-pool.ts'
import { TransactionConnection } from './transaction-connection.ts'

/**
 * Executes statements on a connection of the provider.
 * @param onEnd called when the worker has ended the statements, which may be after the promise has settled
 * @throws GatewayError
 */
export type ExecuteOn = (
  provider: ConnectionProvider,
  statements: readonly string[],
  signal: AbortSignal,
  onEnd?: () => void,
) => Promise<void>

/** Open transactions of DuckDB: each has a connection of its own for as long as it lasts. */
export class DuckDbTransactions implements SourceTransactions {
  readonly #connections: ConnectionProvider
  readonly #execute: ExecuteOn
  readonly #onCommit: () => void
  readonly #open = new Map<string, TransactionConnection>()

  /** @param onCommit called when a commit may have changed the catalog, once other connections see the change */
  constructor(connections: ConnectionProvider, execute: ExecuteOn, onCommit: () => void) {
    this.#connections = connections
    this.#execute = execute
    this.#onCommit = onCommit
  }

  /** The provider of a transaction's connection. @throws GatewayError UNKNOWN_TRANSACTION */
  provider(id: string): ConnectionProvider {
    const transaction = this.#open.get(id)
    if (!transaction) throw new GatewayError('UNKNOWN_TRANSACTION')
    return transaction
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

  /**
   * Commits a transaction. For a transaction that a failed statement has aborted, DuckDB turns COMMIT into a rollback and
   * reports success. So a SELECT comes first, which fails in that case.
   */
  async commit(id: string, ctx: Context): Promise<void> {
    await this.#end(id, ['SELECT 1', 'COMMIT'], ctx.signal, this.#onCommit)
  }

  async rollback(id: string, ctx: Context): Promise<void> {
    const transaction = this.#open.get(id)
    if (!transaction) return
    if (!transaction.isInUse) return await this.#end(id, ['ROLLBACK'], ctx.signal)
    // DuckDB rolls back once the running statement releases the connection.
    this.#open.delete(id)
    transaction.end(false)
  }

  /** Ends all transactions. DuckDB rolls each back when its connection closes. */
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
