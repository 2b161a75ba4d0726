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
