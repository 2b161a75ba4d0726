import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import { readUse } from '../../query/text/use-names.ts'
import type { Context, Query } from '../../query/types.ts'
import { SOURCE_HEADER } from '../../statements/option-headers.ts'
import { scopeOf } from '../grpc/call-scope.ts'
import type { FlightFront } from './front.ts'

/**
 * Executes `USE catalog`, `USE catalog.schema` or `USE schema` for the session of the call. Returns false for any other
 * statement.
 * @throws GatewayError BAD_SQL if the client has no session, UNKNOWN_OBJECT if no source has the names
 */
export async function useNames(front: FlightFront, call: GrpcCall, ctx: Context, query: Query): Promise<boolean> {
  const parts = readUse(query.sql)
  if (!parts) return false
  if (front.sessions.idOf(call) === undefined)
    throw new GatewayError(
      'BAD_SQL',
      `USE needs a session, and this client has none: log in with user and password, send the header ${SOURCE_HEADER} with each call, or call SetSessionOptions and keep its cookie.`,
    )
  const { source: _, catalog: __, schema: ___, catalogSource: ____, ...kept } = await front.sessions.read(call, ctx)
  const { source, ...chosen } = await front.statements.queries.chosenBy(await scopeOf(front, call, ctx), parts)
  const header = call.header(SOURCE_HEADER)
  if (header !== undefined && front.router.named(header, ctx.principal) !== source)
    throw new GatewayError('BAD_SQL', `The header ${SOURCE_HEADER} chooses another source: leave it out to use USE.`)
  const { transaction } = query
  if (transaction !== undefined && !front.transactions.mayMove(transaction, source, ctx.principal))
    throw new GatewayError(
      'BAD_SQL',
      'USE cannot choose another source within a transaction: commit or roll back first.',
    )
  await front.sessions.write(call, ctx, { ...kept, ...chosen, catalogSource: source.name })
  return true
}
