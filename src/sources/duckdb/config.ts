/** Settings of a `duckdb` source; `docs/configuration.md` explains each. */
export interface DuckDbConfig {
  /** Database file, or `:memory:`. */
  readonly path: string
  readonly sample?: { readonly tpch: number } | undefined
  /** Statements run once at start, before the sandbox closes. */
  readonly init: readonly string[]
  readonly writes: boolean
  /** Whether HUGEINT, UUID, BIT and the like are sent as Arrow extension types where a call does not choose. */
  readonly losslessTypes: boolean
  readonly memoryLimitBytes?: number | undefined
  readonly threads?: number | undefined
  readonly tempDirectory?: string | undefined
  readonly maxTempBytes?: number | undefined
  /** Statements that run at the same time. */
  readonly maxStreams: number
  readonly batchRows: number
  readonly batchBytes: number
}
