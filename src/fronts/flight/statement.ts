import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import { mayWrite } from '../../query/stages/authorize.ts'
import type { Context, Query, SessionOptions } from '../../query/types.ts'
import { loadParameters } from '../../statements/bound-parameters.ts'
import { openPrepared, type PreparedStatement } from '../../statements/handles/prepared.ts'
import { openTransaction } from '../../statements/handles/transaction.ts'
import { CallContext } from './call-context.ts'
import { sessionOf } from './call-session.ts'
import type { FlightFront } from './front.ts'
import { SOURCE_HEADER } from './source-header.ts'
import type { Command } from './wire/command.ts'

/** A command that runs a statement. */
export type StatementCommand = Exclude<Command, { kind: 'metadata' }>

/** A statement to run, and where its parameters are if some are bound. */
export type Statement = PreparedStatement

/** The context of a call whose caller is known. */
export function contextOf(front: FlightFront, call: GrpcCall): CallContext {
  return new CallContext(call, front.log)
}

/** Where a call goes. */
export interface Route {
  readonly source: Source
  readonly session: SessionOptions
  /** Whether the call itself names the source, so that no name in a statement chooses another. */
  readonly isFixed: boolean
}

/**
 * The source that a call is for, and the options of its session.
 * @throws GatewayError UNKNOWN_SOURCE; as `sessionOf`
 */
export async function routeOf(front: FlightFront, call: GrpcCall, ctx: Context): Promise<Route> {
  const { source: chosen, catalogSource, ...session } = await sessionOf(front, call, ctx)
  const header = call.header(SOURCE_HEADER)
  const source = front.router.route(header ?? chosen ?? catalogSource, session, ctx.principal)
  return { source, session, isFixed: header !== undefined }
}

/**
 * The query of a call that is for a source, or in a transaction. A transaction in which nothing was done yet goes along to
 * the source; the session's catalog and schema are only those of the source that they were chosen at.
 * @param find chooses the source, given the one where the call goes else
 * @throws GatewayError UNKNOWN_SOURCE, UNKNOWN_TRANSACTION, BAD_SQL
 */
export async function queryFor(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  { sql, purpose, transactionHandle }: QueryStart,
  find: (home: Source) => Promise<Source>,
): Promise<Query> {
  const { source: routed, session, isFixed } = await routeOf(front, call, ctx)
  const transaction = transactionHandle?.byteLength ? openTransaction(front, ctx, transactionHandle) : undefined
  const { transactions } = front
  const isFree = transaction === undefined || transactions.mayMove(transaction, routed, ctx.principal)
  const home = isFree ? routed : transactions.sourceOf(transaction, ctx.principal)
  const source = isFixed ? home : await find(home)
  if (transaction !== undefined && source !== transactions.sourceOf(transaction, ctx.principal))
    await front.transactions.moveTo(transaction, source, !mayWrite(source, ctx.principal), ctx)
  const { catalog: _, schema: __, ...elsewhere } = session
  return {
    source: source.name,
    sql,
    session: source === routed ? session : elsewhere,
    purpose,
    ...(transaction !== undefined && { transaction }),
  }
}

/** What a query is made of. */
export interface QueryStart {
  readonly sql: string
  readonly purpose: Query['purpose']
  readonly transactionHandle?: Uint8Array | undefined
}

/**
 * The query a call asks for: where its transaction is, or at the source that its names belong to.
 * @throws GatewayError TOO_LARGE, BAD_SQL, UNKNOWN_SOURCE, UNKNOWN_TRANSACTION
 */
export async function queryOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  sql: string,
  transactionHandle?: Uint8Array,
): Promise<Query> {
  const { maxStatementBytes } = front.limits
  if (sql.length > maxStatementBytes || Buffer.byteLength(sql) > maxStatementBytes)
    throw new GatewayError('TOO_LARGE', `The statement is above ${maxStatementBytes} bytes (limits.maxStatementBytes).`)
  if (sql.trim() === '') throw new GatewayError('BAD_SQL', 'The statement is empty.')
  return await queryFor(front, call, ctx, { sql, purpose: 'any', transactionHandle }, (home) =>
    front.router.names.ofStatement(sql, home, ctx),
  )
}

/**
 * The statement that a command means, its parameters loaded.
 * @throws GatewayError as `queryOf` and `openPrepared`
 */
export async function statementOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  command: StatementCommand,
): Promise<Statement> {
  if (command.kind === 'statement') {
    const query = await queryOf(front, call, ctx, command.sql, command.transaction)
    return { query: command.rawCommand ? { ...query, rawCommand: true } : query }
  }
  const { query, bound } = openPrepared(front, ctx, command.handle)
  return bound ? { query: { ...query, parameters: await loadParameters(front, bound) }, bound } : { query }
}
