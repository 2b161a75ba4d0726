import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Query, SessionOptions } from '../../query/types.ts'
import type { GrpcCall } from '../grpc/call.ts'
import { loadParameters } from './bound-parameters.ts'
import { CallContext } from './call-context.ts'
import type { Command } from './command.ts'
import type { FlightFront } from './front.ts'
import { openPrepared, type PreparedStatement } from './prepared.ts'
import { SOURCE_HEADER } from './source-header.ts'
import { openTransaction } from './transaction-handle.ts'

/** A command that runs a statement. */
export type StatementCommand = Exclude<Command, { kind: 'metadata' }>

/** A statement to run, and where its parameters are if some are bound. */
export type Statement = PreparedStatement

/** The context of a call whose caller is known. */
export function contextOf(front: FlightFront, call: GrpcCall): CallContext {
  return new CallContext(call, front.log)
}

/**
 * The source that a call is for, and the options of its session.
 * @param catalog named by the call itself, in place of the session's
 * @throws GatewayError UNKNOWN_SOURCE
 */
export async function routeOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  catalog?: string,
): Promise<{ readonly source: Source; readonly session: SessionOptions }> {
  const { source: chosen, catalogSource, ...session } = await front.sessions.read(call, ctx)
  const named = chosen ?? (catalog === undefined ? catalogSource : undefined)
  const wanted = catalog === undefined ? session : { ...session, catalog }
  const source = front.router.route(call.header(SOURCE_HEADER) ?? named, wanted, ctx.principal)
  return { source, session }
}

/**
 * The query a call asks for; one in a transaction goes where that is.
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
  if (!transactionHandle?.byteLength) {
    const { source, session } = await routeOf(front, call, ctx)
    return { source: source.name, sql, session, purpose: 'any' }
  }
  const transaction = openTransaction(front, ctx, transactionHandle)
  const { source: _, catalogSource: __, ...session } = await front.sessions.read(call, ctx)
  const source = front.transactions.sourceOf(transaction, ctx.principal)
  return { source: source.name, sql, session, purpose: 'any', transaction }
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
    return { query: command.plain ? { ...query, plain: true } : query }
  }
  const { query, bound } = openPrepared(front, ctx, command.handle)
  return bound ? { query: { ...query, parameters: await loadParameters(front, bound) }, bound } : { query }
}
