/**
 * The gateway's answers as the console reads them. `test/console/answers.test.ts` holds them to the schemas of the routes; a member
 * that the console does not use is left out.
 */

/** An error. Source: RFC 9457. */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly retryable: boolean
  readonly request_id: string
  readonly position?: { readonly line: number; readonly column: number } | undefined
}

/** Who uses the console. */
export interface Session {
  readonly login: 'none' | 'key'
  readonly has_keys: boolean
  /** Name of the issuer at which somebody may log in too. */
  readonly sign_in: string | null
  /** Why the last login at the issuer has failed. */
  readonly sign_in_error: { readonly code: string; readonly detail: string; readonly request_id: string } | null
  /** Null until somebody has logged in. */
  readonly principal: string | null
  readonly roles: readonly string[]
  readonly sees_others: boolean
  readonly version: string
}

/** A statement that waits or runs. */
export interface RunningQuery {
  readonly id: string
  readonly principal: string
  readonly data_source: string
  readonly query: string
  readonly state: 'queued' | 'running'
  readonly start_time: string
  readonly rows: number
  readonly bytes: number
  readonly estimated_cost_usd: number | null
  readonly request_id: string
}

export interface RunningQueries {
  readonly queries: readonly RunningQuery[]
  readonly partial: boolean
}

export interface Source {
  readonly name: string
  readonly kind: string
  readonly writes: boolean
  readonly default: boolean
  readonly health: 'unknown' | 'up' | 'down'
  readonly health_since: string | null
}

export interface Sources {
  readonly sources: readonly Source[]
}

/** Answer of `POST /api/v1/estimate-cost` for one statement. */
export interface Estimate {
  readonly data_source: string | null
  readonly bytes: number | null
  readonly rows: number | null
  readonly billable_bytes: number | null
  readonly cost_usd: number | null
  readonly external_costs: readonly string[]
  readonly accuracy: string
  readonly referenced_tables: readonly string[]
  readonly suggestions: readonly string[]
  readonly advice: readonly Advice[]
  readonly refusal: string | null
}

export interface Advice {
  readonly rule: string
  readonly message: string
  readonly rewritten_query: string | null
  readonly saved_usd: number | null
}

export interface Column {
  readonly name: string
  readonly type: string
}

/** What a statement took. */
export interface Metrics {
  readonly data_source: string | null
  readonly total_ms: number
  readonly bytes: number
  readonly cost_usd: number | null
  readonly billed_bytes: number | null
  readonly cache_hit: boolean
}

/** A statement that has ended. */
export interface RecentQuery {
  readonly id: string
  readonly principal: string
  readonly data_source: string
  readonly query: string
  readonly outcome: string
  readonly message: string | null
  readonly front: string | null
  readonly start_time: string
  readonly end_time: string
  readonly duration_ms: number
  readonly plan_ms: number | null
  readonly queue_ms: number | null
  readonly first_byte_ms: number | null
  readonly stream_ms: number | null
  readonly rows: number
  readonly bytes: number
  readonly billed_bytes: number | null
  readonly cost_usd: number | null
  readonly cache: string | null
  readonly request_id: string
}

export interface RecentQueries {
  readonly queries: readonly RecentQuery[]
  readonly partial: boolean
}
