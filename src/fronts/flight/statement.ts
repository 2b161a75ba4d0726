import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Context, Query } from '../../query/types.ts'
import { type CallOptions, callOptionsOf, withCallOptions } from '../../statements/call-options.ts'
import { type PreparedStatement, preparedHandles } from '../../statements/handles/prepared.ts'
import { CallContext } from '../grpc/call-context.ts'
import { scopeOf } from '../grpc/call-scope.ts'
import type { FlightFront } from './front.ts'
import type { Command } from './wire/command.ts'

/** A command that runs a statement. */
export type StatementCommand = Exclude<Command, { kind: 'metadata' }>

/** Returns the context of an authenticated call. */
export function contextOf(front: FlightFront, call: GrpcCall): CallContext {
  return new CallContext(call, front.log, 'flight')
}

/** Builds the query of a call. @throws GatewayError as `QueryBuilder.ofStatement` and `scopeOf` */
export async function queryOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  sql: string,
  transactionHandle?: Uint8Array,
): Promise<Query> {
  return await front.statements.queries.ofStatement(await scopeOf(front, call, ctx), sql, transactionHandle)
}

/**
 * Returns the statement of a command, with its parameters loaded.
 * @throws GatewayError as `queryOf` and `Statements.prepared`
 */
export async function statementOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  command: StatementCommand,
): Promise<PreparedStatement> {
  if (command.kind === 'prepared') return withOptionsOf(call, await front.statements.prepared(command.handle, ctx))
  const query = await queryOf(front, call, ctx, command.sql, command.transaction)
  return { query: command.rawCommand ? { ...query, rawCommand: true } : query }
}

/** A prepared statement with the options in the headers of the call that runs it. @throws GatewayError BAD_REQUEST */
export function withOptionsOf(call: GrpcCall, statement: PreparedStatement): PreparedStatement {
  const options = optionsOf(call)
  if (options === undefined) return statement
  const { query } = statement
  return { ...statement, query: { ...query, session: withCallOptions(query.session, options) } }
}

/** The options in the headers of a call that runs a statement; undefined without one. @throws GatewayError BAD_REQUEST */
export function optionsOf(call: GrpcCall): CallOptions | undefined {
  return callOptionsOf((name) => call.header(name))
}

/** Seals a prepared statement into its handle. */
export function sealPrepared(front: FlightFront, { principal }: Context, statement: PreparedStatement): Buffer {
  return preparedHandles.seal(front.sealer, principal, Date.now() + front.limits.preparedTtlMs, statement)
}
