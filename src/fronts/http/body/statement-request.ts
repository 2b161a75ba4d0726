import type { CallScope } from '../../../statements/query-builder.ts'
import type { StatementRequest } from '../../../statements/requests/statement-request.ts'
import type { HttpFront } from '../front.ts'
import { encodeParameters } from '../parameters/encode-parameters.ts'
import type { StatementFields } from './statement-body.ts'

/**
 * Turns the fields of a statement into a request. Parameters in JSON get the types that the statement announces.
 * @throws GatewayError BAD_REQUEST for a parameter that does not fit; as `Statements.describe`
 */
export async function statementRequestOf(
  { statements }: Pick<HttpFront, 'statements'>,
  { query, table, data_source, parameters }: StatementFields,
  scope: CallScope,
): Promise<StatementRequest> {
  const request: StatementRequest = {
    text: query === undefined ? { table: scanOf(table!) } : { query },
    ...(data_source !== undefined && { dataSource: data_source }),
  }
  if (parameters === undefined) return request
  if ('arrow' in parameters) return { ...request, parameters: Buffer.from(parameters.arrow, 'base64') }
  if (parameters.length === 0) return request
  const { parameterSchema } = await statements.describe(await statements.requests.queryOf(request, scope), scope.ctx)
  return { ...request, parameters: encodeParameters(parameters, parameterSchema) }
}

function scanOf(table: Exclude<StatementFields['table'], undefined>) {
  if (typeof table === 'string') return { name: table, columns: [] }
  const { name, columns, filter, limit } = table
  return { name, columns, ...(filter !== undefined && { filter }), ...(limit !== undefined && { limit }) }
}
