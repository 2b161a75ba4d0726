import type { ConnectionOptions } from '../client/connection-options.ts'

/** Output formats. */
export type RowFormat = 'table' | 'csv' | 'ndjson' | 'json' | 'arrow'

/** Options of `flightgate query`. */
export interface QueryOptions extends ConnectionOptions {
  readonly format?: RowFormat
  readonly output?: string
  readonly maxRows: number
  readonly quiet?: boolean
}
