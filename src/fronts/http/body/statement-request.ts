import { cacheDirectivesOf } from '../../../statements/cache/cache-directives.ts'
import type { CacheWish } from '../../../statements/cache/cache-wish.ts'
import type { CostCaps } from '../../../statements/cost-caps.ts'
import type { StatementRequest } from '../../../statements/requests/statement-request.ts'
import { encodeParameters } from '../parameters/encode-parameters.ts'
import type { StatementFields } from './statement-body.ts'

/**
 * Turns the fields of a statement into a request. Parameters in JSON get the types that the statement announces, once it has been
 * planned.
 * @throws GatewayError BAD_REQUEST
 */
export function statementRequestOf(fields: StatementFields): StatementRequest {
  const { query, table, data_source, parameters } = fields
  const caps = capsOf(fields)
  const cache = cacheWishOf(fields)
  const request: StatementRequest = {
    text: query === undefined ? { table: scanOf(table!) } : { query },
    ...(data_source !== undefined && { dataSource: data_source }),
    ...(caps && { caps }),
    ...(cache && { cache }),
  }
  if (parameters === undefined) return request
  if ('arrow' in parameters) return { ...request, parameters: Buffer.from(parameters.arrow, 'base64') }
  if (parameters.length === 0) return request
  return { ...request, parameters: (schema) => encodeParameters(parameters, schema) }
}

function capsOf({ max_cost_usd: maxCostUsd, max_bytes_billed: maxBilledBytes }: StatementFields): CostCaps | undefined {
  if (maxCostUsd === undefined && maxBilledBytes === undefined) return undefined
  return { ...(maxCostUsd !== undefined && { maxCostUsd }), ...(maxBilledBytes !== undefined && { maxBilledBytes }) }
}

function cacheWishOf(fields: StatementFields): CacheWish | undefined {
  const { cache_control: control, cache_key: key, cache_tags: tags, cache_ttl_ms: ttlMs } = fields
  if (control === undefined && key === undefined && tags === undefined && ttlMs === undefined) return undefined
  const directives = control === undefined ? undefined : cacheDirectivesOf(control, 'cache_control')
  return {
    ...(directives && { directives }),
    ...(key !== undefined && { key }),
    ...(tags && { tags: [...new Set(tags)] }),
    ...(ttlMs !== undefined && { ttlMs }),
  }
}

function scanOf(table: Exclude<StatementFields['table'], undefined>) {
  if (typeof table === 'string') return { name: table, columns: [] }
  const { name, columns, filter, limit } = table
  return { name, columns, ...(filter !== undefined && { filter }), ...(limit !== undefined && { limit }) }
}
