import type { ErrorProto } from './api.ts'

/**
 * A call of BigQuery's REST API that failed. It keeps nothing of the request, whose headers hold the credentials.
 * Source: https://cloud.google.com/bigquery/docs/error-messages.
 */
export class RestFailure extends Error {
  override readonly name = 'RestFailure'
  /** HTTP status; 0 if there was no answer, such as with a closed connection. */
  readonly status: number
  /** BigQuery's reason, from a closed list; absent if the answer has none. */
  readonly reason: string | undefined
  /** Where in the request the error is, such as `query`. */
  readonly location: string | undefined
  /** Time after which the server asks for a retry, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** Whether an earlier attempt of the same call may have taken effect: its answer was lost. */
  mayHaveArrived = false

  constructor(
    message: string,
    facts: {
      status: number
      reason?: string | undefined
      location?: string | undefined
      retryAfterMs?: number | undefined
    },
  ) {
    super(message)
    this.status = facts.status
    this.reason = facts.reason
    this.location = facts.location
    this.retryAfterMs = facts.retryAfterMs
  }

  /** Whether the same call may succeed a little later; a call that changes something must be idempotent to be repeated. */
  get isTransient(): boolean {
    return transientStatus.has(this.status) || (this.reason !== undefined && transientReasons.has(this.reason))
  }
}

/** A login at Google that failed: no credentials, a key that is not accepted, or no answer of the token server. */
export class LoginFailure extends Error {
  override readonly name = 'LoginFailure'
  /** As in `RestFailure`. */
  mayHaveArrived = false
  /** The service account that the gateway's own login may not impersonate, if that is the reason. */
  readonly deniedAccount: string | undefined

  constructor(message: string, deniedAccount?: string) {
    super(message)
    this.deniedAccount = deniedAccount
  }
}

/**
 * Whether a call surely reached no job: the login failed before it, or BigQuery refused it with an error of its own, and no earlier
 * attempt was left without an answer.
 */
export function isRefusal(error: unknown): error is RestFailure | LoginFailure {
  if (error instanceof LoginFailure) return !error.mayHaveArrived
  return (
    error instanceof RestFailure &&
    !error.mayHaveArrived &&
    ((error.status >= 400 && error.status < 500 && error.status !== 408) || error.status === 501)
  )
}

/** No answer, or one of those that Google's clients retry. */
const transientStatus = new Set([0, 408, 429, 500, 502, 503, 504])
const transientReasons = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'backendError'])

/** The failure that an answer with an error status tells. @param body the answer's text, usually JSON */
export function failureOf(status: number, body: string, retryAfter: string | null): RestFailure {
  const { message, errors } = errorOf(body)
  const first = errors[0]
  const seconds = Number(retryAfter)
  return new RestFailure(message ?? first?.message ?? `HTTP status ${status}`, {
    status,
    reason: first?.reason,
    location: first?.location,
    retryAfterMs: retryAfter !== null && seconds >= 0 ? seconds * 1000 : undefined,
  })
}

function errorOf(body: string): { message?: string; errors: readonly ErrorProto[] } {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string; errors?: readonly ErrorProto[] } }
    return { ...(error?.message !== undefined && { message: error.message }), errors: error?.errors ?? [] }
  } catch {
    // An answer of a proxy, or a cut-off one.
    return { errors: [] }
  }
}
