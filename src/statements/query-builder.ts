import { readableCatalog } from '../query/access/readable-catalog.ts'
import { GatewayError } from '../query/errors.ts'
import type { Router } from '../query/router.ts'
import type { Sealer } from '../query/seal/sealer.ts'
import type { Source } from '../query/source.ts'
import { mayWrite } from '../query/stages/authorize.ts'
import type { Transactions } from '../query/transactions/transactions.ts'
import type { Context, Query, SessionOptions } from '../query/types.ts'
import { transactionHandles } from './handles/transaction.ts'
import { isReadOnly } from './option-headers.ts'
import type { StoredSession } from './sessions.ts'

/** The front's view of the call that carries a statement. */
export interface CallScope {
  readonly ctx: Context
  /** The source that the call itself names. If set, names in the statement cannot choose another source. */
  readonly namedSource: string | undefined
  /** The effective options: those of the session, overridden by those of the call. */
  readonly session: StoredSession
}

/** The source of a call, and its session options. */
export interface Route {
  readonly source: Source
  readonly session: SessionOptions
}

/** Input of `QueryBuilder.build`. */
export interface QueryStart {
  readonly sql: string
  readonly purpose: Query['purpose']
  readonly transactionHandle?: Uint8Array | undefined
}

/** The source, catalog and schema that `USE` selects for a session. */
export interface ChosenNames {
  readonly source: Source
  readonly catalog: string
  readonly schema?: string
}

/** Dependencies of `QueryBuilder`. */
export interface QueryBuilderDependencies {
  readonly router: Router
  readonly transactions: Transactions
  readonly sealer: Sealer
  readonly limits: { readonly maxStatementBytes: number }
}

/** Builds queries from statements: resolves the source, the transaction and the options of each. */
export class QueryBuilder {
  readonly #deps: QueryBuilderDependencies

  constructor(deps: QueryBuilderDependencies) {
    this.#deps = deps
  }

  /** Resolves the source of a call and the options of its session. @param held source of the call's transaction @throws GatewayError UNKNOWN_SOURCE */
  route({ ctx, namedSource, session: stored }: CallScope, held?: Source): Route {
    const { source: chosen, catalogSource, ...session } = stored
    const name = namedSource ?? chosen ?? catalogSource
    // Also after a reload that has replaced or removed the source of the transaction.
    if (held && name?.toLowerCase() === held.name.toLowerCase()) return { source: held, session }
    return { source: this.#deps.router.route(name, session, ctx.principal), session }
  }

  /**
   * Builds the query of a statement for the source of its transaction, or the source that its qualified names belong to.
   * @throws GatewayError TOO_LARGE, BAD_SQL, UNKNOWN_SOURCE, UNKNOWN_TRANSACTION
   */
  async ofStatement(scope: CallScope, sql: string, transactionHandle?: Uint8Array): Promise<Query> {
    const { router } = this.#deps
    this.checkSize(sql)
    if (sql.trim() === '') throw new GatewayError('BAD_SQL', 'The statement is empty.')
    return await this.build(
      scope,
      { sql, purpose: isReadOnly(scope.ctx) ? 'read' : 'any', transactionHandle },
      (home) => router.names.ofStatement(sql, home, scope.ctx),
    )
  }

  /** @throws GatewayError TOO_LARGE above limits.maxStatementBytes */
  checkSize(sql: string): void {
    const { maxStatementBytes } = this.#deps.limits
    if (sql.length > maxStatementBytes || Buffer.byteLength(sql) > maxStatementBytes)
      throw new GatewayError(
        'TOO_LARGE',
        `The statement is above ${maxStatementBytes} bytes (limits.maxStatementBytes).`,
      )
  }

  /**
   * Builds the query of a call. A transaction that has run no statement moves to the query's source. The session's catalog and
   * schema apply only at the source that the session routes to.
   * @param find chooses the source, given the default source of the call
   * @throws GatewayError UNKNOWN_SOURCE, UNKNOWN_TRANSACTION, BAD_SQL
   */
  async build(
    scope: CallScope,
    { sql, purpose, transactionHandle }: QueryStart,
    find: (home: Source) => Promise<Source>,
  ): Promise<Query> {
    const { transactions } = this.#deps
    const { ctx, namedSource } = scope
    const transaction = transactionHandle?.byteLength ? this.transactionOf(transactionHandle, ctx) : undefined
    const held = transaction === undefined ? undefined : transactions.sourceOf(transaction, ctx.principal)
    const { source: routed, session } = this.route(scope, held)
    const isFree = transaction === undefined || transactions.mayMove(transaction, routed, ctx.principal)
    const home = isFree ? routed : held!
    const source = namedSource === undefined ? await find(home) : home
    if (transaction !== undefined && source.name !== transactions.sourceOf(transaction, ctx.principal).name)
      await transactions.moveTo(transaction, source, !mayWrite(source, ctx.principal), ctx)
    const { catalog: _, schema: __, ...elsewhere } = session
    return {
      source: source.name,
      sql,
      session: source === routed ? session : elsewhere,
      purpose,
      ...(transaction !== undefined && { transaction }),
    }
  }

  /** Opens a transaction's handle and returns the id in it. @throws GatewayError BAD_REQUEST, FORGED_TICKET, FORBIDDEN */
  transactionOf(handle: Uint8Array, { principal }: Context): string {
    return transactionHandles.open(this.#deps.sealer, principal, handle).value
  }

  /**
   * Resolves the names in `USE catalog`, `USE catalog.schema` or `USE schema`.
   * @throws GatewayError UNKNOWN_OBJECT when no source has them
   */
  async chosenBy(scope: CallScope, parts: readonly string[]): Promise<ChosenNames> {
    const { router } = this.#deps
    const { ctx } = scope
    const [first, ...rest] = parts as [string, ...string[]]
    // The first part is a catalog or, on servers without catalogs, the beginning of a dotted schema name.
    const owner = await router.names.chosen(first, ctx)
    if (owner) {
      if (rest.length === 0) return owner
      const schema = rest.join('.')
      if (await readableCatalog(owner.source, ctx.principal).hasSchema?.(schema, ctx, owner.catalog))
        return { ...owner, schema }
      throw new GatewayError('UNKNOWN_OBJECT', `The source ${owner.source.name} has no schema "${schema}" to choose.`)
    }
    const { source, session } = this.route(scope)
    const schema = parts.join('.')
    if (await readableCatalog(source, ctx.principal).hasSchema?.(schema, ctx, session.catalog))
      return { source, schema, catalog: session.catalog ?? source.catalog.current?.catalog ?? source.name }
    const names = router
      .visibleTo(ctx.principal)
      .map(({ name }) => name)
      .join(', ')
    throw new GatewayError('UNKNOWN_OBJECT', `"${schema}" is no source, catalog or schema; sources: ${names}.`)
  }
}
