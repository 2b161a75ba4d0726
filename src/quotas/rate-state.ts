/** What is left of a caller's requests. */
export interface RateState {
  /** Requests per minute. */
  readonly limit: number
  readonly remaining: number
  /** Time until the full limit is there again, in milliseconds. */
  readonly resetMs: number
}

/** The headers that tell a limited caller what is left, for gRPC metadata and for HTTP; the reset is in seconds from now. */
export function rateHeaders({ limit, remaining, resetMs }: RateState): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(Math.ceil(resetMs / 1000)),
  }
}
