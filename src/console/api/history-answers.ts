/** The gateway's answers about the past, its costs and its cache; see `answers.ts`. */

type Values = readonly (number | null)[]

/** The last hour of a source: each member has a value for each step. */
export interface SourceHistory {
  readonly name: string
  readonly up: readonly (boolean | null)[]
  readonly breaker: readonly ('closed' | 'half_open' | 'open' | null)[]
  readonly connections: Values
  readonly busy_connections: Values
  readonly max_connections: Values
  readonly waiting: Values
  readonly slots: Values
  readonly slots_used: Values
  readonly queued: Values
  readonly statements: Values
  readonly failed: Values
  readonly rows: Values
  readonly bytes: Values
  readonly cache_hits: Values
  readonly cache_stale_hits: Values
  readonly cache_misses: Values
  readonly cache_bypasses: Values
}

/** The last hour of the gateway. */
export interface History {
  readonly start_time: string
  readonly step_seconds: number
  readonly processes: number
  readonly partial: boolean
  readonly data_sources: readonly SourceHistory[]
  readonly process: {
    readonly event_loop_ms: Values
    readonly rss_bytes: Values
    readonly cache_bytes: Values
    readonly cache_entries: Values
  }
}

export interface CostRow {
  readonly name: string
  readonly statements: number
  readonly cost_usd: number
  readonly billed_bytes: number
  readonly cache_hits: number
}

export interface Budget {
  readonly account: 'gateway' | 'source' | 'principal' | 'group'
  readonly name: string
  readonly period: 'day' | 'month'
  readonly limit_usd: number
  readonly spent_usd: number
  readonly reserved_usd: number
}

/** What the statements of a month have cost. */
export interface Costs {
  readonly month: string
  readonly time_zone: string
  readonly principal: string | null
  readonly statements: number
  readonly cost_usd: number
  readonly billed_bytes: number
  readonly forecast_usd: number | null
  readonly forecast_basis: string | null
  readonly budgets: readonly Budget[]
  readonly days: readonly CostRow[]
  readonly data_sources: readonly CostRow[]
  readonly principals: readonly CostRow[]
  readonly groups: readonly CostRow[]
  readonly labels: readonly CostRow[]
  readonly top_statements: readonly {
    readonly statement_hash: string
    readonly text: string | null
    readonly data_source: string
    readonly principal: string
    readonly runs: number
    readonly cost_usd: number
    readonly billed_bytes: number
  }[]
}

/** The state of the result cache of one process. */
export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  readonly max_bytes: number
}

export interface CacheEntry {
  readonly id: string
  readonly data_source: string
  readonly principal: string
  readonly query: string
  readonly cache_key: string | null
  readonly cache_tags: readonly string[]
  readonly rows: number
  readonly bytes: number
  readonly hits: number
  readonly start_time: string
  readonly fresh_until: string
  readonly copies: number
}

export interface CacheEntries {
  readonly entries: readonly CacheEntry[]
  readonly partial: boolean
}
