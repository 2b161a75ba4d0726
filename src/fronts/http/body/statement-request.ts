import type { StatementRequest } from '../../../statements/requests/statement-request.ts'
import { encodeParameters } from '../parameters/encode-parameters.ts'
import type { StatementFields } from './statement-body.ts'

/**
 * Turns the fields of a statement into a request. Parameters in JSON get the types that the statement announces, once it has been
 * planned.
 */
export function statementRequestOf({ query, table, data_source, parameters }: StatementFields): StatementRequest {
  const request: StatementRequest = {
    text: query === undefined ? { table: scanOf(table!) } : { query },
    ...(data_source !== undefined && { dataSource: data_source }),
  }
  if (parameters === undefined) return request
  if ('arrow' in parameters) return { ...request, parameters: Buffer.from(parameters.arrow, 'base64') }
  if (parameters.length === 0) return request
  return { ...request, parameters: (schema) => encodeParameters(parameters, schema) }
}

function scanOf(table: Exclude<StatementFields['table'], undefined>) {
  if (typeof table === 'string') return { name: table, columns: [] }
  const { name, columns, filter, limit } = table
  return { name, columns, ...(filter !== undefined && { filter }), ...(limit !== undefined && { limit }) }
}
