import {
  CommandStatementIngest,
  CommandStatementIngest_TableDefinitionOptions_TableExistsOption as Exists,
  CommandStatementIngest_TableDefinitionOptions_TableNotExistOption as NotExists,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Field } from '../../../arrow/schema.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Context, Query } from '../../../query/types.ts'
import { scopeOf } from '../../grpc/call-scope.ts'
import type { FlightFront } from '../front.ts'
import { schemaOf, uploadMessages } from '../wire/upload.ts'

const ifExists = {
  [Exists.TABLE_EXISTS_OPTION_APPEND]: 'append',
  [Exists.TABLE_EXISTS_OPTION_REPLACE]: 'replace',
} as const

/**
 * Ingests an upload into a table and returns the number of its rows.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (CommandStatementIngest).
 * @throws GatewayError BAD_REQUEST, UNIMPLEMENTED, READ_ONLY, FORBIDDEN, and as the source does
 */
export async function ingestUpload(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  command: Uint8Array,
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): Promise<number> {
  const request = decodeMessage(CommandStatementIngest, command)
  const { table, catalog, schema, tableDefinitionOptions: mode } = request
  if (table === '') throw new GatewayError('BAD_REQUEST', 'The ingestion names no table.')
  if (request.temporary)
    throw new GatewayError(
      'UNIMPLEMENTED',
      'Temporary tables are not supported: the gateway shares its connections between clients.',
    )
  const query = await queryOf(front, call, ctx, request)
  const messages = uploadMessages(first, rest)
  const head = await messages.next()
  if (head.done) throw new GatewayError('BAD_REQUEST', 'The upload has no schema.')
  rejectNul(schemaOf(head.value))
  const ingest = {
    table,
    ...(catalog && { catalog }),
    ...(schema && { schema }),
    ifNotExists: mode?.ifNotExist === NotExists.TABLE_NOT_EXIST_OPTION_CREATE ? ('create' as const) : ('fail' as const),
    ifExists: ifExists[mode?.ifExists as keyof typeof ifExists] ?? ('fail' as const),
    schemaMessage: head.value.header,
    messages,
    options: request.options,
  }
  return await front.statements.ingest(query, ingest, ctx)
}

/** Rejects NUL in column names, which become part of SQL statements. @throws GatewayError BAD_REQUEST */
function rejectNul({ name, children }: Field): void {
  if (name.includes('\0')) throw new GatewayError('BAD_REQUEST', 'A column name contains a NUL character.')
  for (const child of children) rejectNul(child)
}

/** Builds the query of an ingestion, for the transaction's source or the source that the catalog or the call names. */
async function queryOf(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  { table, catalog, transactionId }: CommandStatementIngest,
): Promise<Query> {
  const start = { sql: `INGEST INTO ${table}`, purpose: 'write', transactionHandle: transactionId } as const
  const scope = await scopeOf(front, call, ctx)
  return await front.statements.queries.build(scope, start, async (home) => {
    if (!catalog) return home
    // If no source has the catalog, the default source rejects it.
    return (await front.router.names.chosen(catalog, ctx, home))?.source ?? home
  })
}
