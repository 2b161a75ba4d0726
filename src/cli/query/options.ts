/** Output formats. */
export type RowFormat = 'table' | 'csv' | 'ndjson' | 'json' | 'arrow'

/** Options of `flightgate query`. */
export interface QueryOptions {
  readonly endpoint: string
  readonly format?: RowFormat
  readonly output?: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  readonly apiKey?: string
  readonly source?: string
  readonly header: readonly string[]
  /** Deadline of the query, in seconds. */
  readonly timeout?: number
  readonly maxRows: number
  readonly tlsCa?: string
  readonly insecureSkipVerify?: boolean
  readonly quiet?: boolean
}
