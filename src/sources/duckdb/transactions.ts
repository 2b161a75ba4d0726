import { GatewayError } from '../../query/errors.ts'
import type { SourceTransactions } from '../../query/source.ts'
import type { Context } from '../../query/types.ts'
import type { Lender } from './connections.ts'
import type { Address } from './native.ts'

/** Runs statements on a connection that `lender` lends. @throws GatewayError */
export type ExecuteOn = (lender: Lender, statements: readonly string[], signal: AbortSignal) => Promise<void>

interface Open {
  readonly connection: Address
  /** A statement left the connection in a state that is not known. */
  broken: boolean
}

/** Open transactions of DuckDB: a connection each, taken from the others for as long as it lasts. */
export class DuckDbTransactions implements SourceTransactions {
  readonly #connections: Lender
  readonly #execute: ExecuteOn
  readonly #onCommit: () => void
  readonly #open = new Map<string, Open>()

  /** @param onCommit told when a transaction may have changed the catalog */
  constructor(connections: Lender, execute: ExecuteOn, onCommit: () => void) {
    this.#connections = connections
    this.#execute = execute
    this.#onCommit = onCommit
  }

  /** Lends the connection of a transaction. @throws GatewayError UNKNOWN_TRANSACTION */
  lender(id: string): Lender {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    return lenderOf(open)
  }

  async begin(id: string, { readOnly }: { readonly readOnly: boolean }, ctx: Context): Promise<void> {
    const open: Open = { connection: this.#connections.take(), broken: false }
    try {
      await this.#execute(lenderOf(open), [`BEGIN TRANSACTION${readOnly ? ' READ ONLY' : ''}`], ctx.signal)
      this.#open.set(id, open)
    } catch (error) {
      this.#connections.give(open.connection, false)
      throw error
    }
  }

  async commit(id: string, ctx: Context): Promise<void> {
    try {
      await this.#end(id, 'COMMIT', ctx.signal)
    } finally {
      this.#onCommit()
    }
  }

  async rollback(id: string, ctx: Context): Promise<void> {
    if (this.#open.has(id)) await this.#end(id, 'ROLLBACK', ctx.signal)
  }

  /** Gives all connections up; DuckDB rolls back what was open on them. */
  close(): void {
    for (const { connection } of this.#open.values()) this.#connections.give(connection, false)
    this.#open.clear()
  }

  async #end(id: string, statement: string, signal: AbortSignal): Promise<void> {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    this.#open.delete(id)
    let clean = false
    try {
      await this.#execute(lenderOf(open), [statement], signal)
      clean = !open.broken
    } finally {
      this.#connections.give(open.connection, clean)
    }
  }
}

function lenderOf(open: Open): Lender {
  return {
    take: () => open.connection,
    give: (_connection, reusable) => {
      if (!reusable) open.broken = true
    },
  }
}
