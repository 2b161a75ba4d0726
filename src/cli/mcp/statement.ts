import type { Statement } from '../../../gen/flightgate/v1/gateway_service.ts'
import type { McpOptions } from './limits.ts'

const none = new Uint8Array(0)

/** What a tool asks for: a statement or all rows of a table, at a source or where its names lead. */
export interface Asked {
  readonly sql?: string | undefined
  readonly table?: string | undefined
  readonly source?: string | undefined
}

/** The statement of a tool, with the limits of its cost. */
export function statementOf({ sql = '', table, source }: Asked, { maxCost, maxBytesBilled }: McpOptions): Statement {
  const scan = { name: table ?? '', columns: [], filter: '', limit: undefined }
  return {
    id: '',
    text: table === undefined ? { $case: 'query', value: sql } : { $case: 'table', value: scan },
    dataSource: source ?? '',
    parameters: none,
    maxCostUsd: maxCost,
    maxBytesBilled: maxBytesBilled === undefined ? undefined : BigInt(maxBytesBilled),
    cacheControl: undefined,
  }
}
