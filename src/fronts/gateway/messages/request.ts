import type { Statement } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { GatewayError } from '../../../query/errors.ts'
import { type CostCaps, isBytesCap, isCostCap } from '../../../statements/cost-caps.ts'
import type { StatementRequest } from '../../../statements/requests/statement-request.ts'
import { cacheWishOf } from './cache.ts'

/**
 * Reads the statement of a request.
 * @param name the field that holds it, for errors
 * @throws GatewayError BAD_REQUEST
 */
export function requestOf(statement: Statement | undefined, name = 'statement'): StatementRequest {
  if (!statement) throw new GatewayError('BAD_REQUEST', `The request has no ${name}: set it.`)
  const { id, text, dataSource, parameters } = statement
  const caps = capsOf(statement, name)
  const cache = cacheWishOf(statement.cacheControl, name)
  return {
    ...(id !== '' && { id }),
    text: textOf(text, name),
    ...(dataSource !== '' && { dataSource }),
    ...(parameters.byteLength > 0 && { parameters }),
    ...(caps && { caps }),
    ...(cache && { cache }),
  }
}

/** Reads the statements of a batch. @throws GatewayError as `requestOf` */
export function requestsOf(statements: readonly Statement[]): StatementRequest[] {
  return statements.map((statement, i) => requestOf(statement, `statements[${i}]`))
}

function capsOf({ maxCostUsd, maxBytesBilled }: Statement, name: string): CostCaps | undefined {
  if (maxCostUsd === undefined && maxBytesBilled === undefined) return undefined
  if (maxCostUsd !== undefined && !isCostCap(maxCostUsd))
    throw new GatewayError('BAD_REQUEST', `max_cost_usd of ${name} must be an amount of US dollars, 0 or more.`)
  const maxBilledBytes = maxBytesBilled === undefined ? undefined : Number(maxBytesBilled)
  if (maxBilledBytes !== undefined && !isBytesCap(maxBilledBytes))
    throw new GatewayError(
      'BAD_REQUEST',
      `max_bytes_billed of ${name} is above ${Number.MAX_SAFE_INTEGER}: leave it out.`,
    )
  return { ...(maxCostUsd !== undefined && { maxCostUsd }), ...(maxBilledBytes !== undefined && { maxBilledBytes }) }
}

function textOf(text: Statement['text'], name: string): StatementRequest['text'] {
  if (!text) throw new GatewayError('BAD_REQUEST', `Set query or table of ${name}.`)
  if (text.$case === 'query') return { query: text.value }
  const { name: table, columns, filter, limit } = text.value
  if (table === '') throw new GatewayError('BAD_REQUEST', `Set the name of the table of ${name}.`)
  if (limit !== undefined && limit > Number.MAX_SAFE_INTEGER)
    throw new GatewayError('BAD_REQUEST', `The limit of ${name} is above ${Number.MAX_SAFE_INTEGER}: leave it out.`)
  return {
    table: {
      name: table,
      columns,
      ...(filter !== '' && { filter }),
      ...(limit !== undefined && { limit: Number(limit) }),
    },
  }
}
