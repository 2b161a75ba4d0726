import { apiErrorOf, isAborted, problemOf } from './api-error.ts'

/** Time in which the gateway has to answer a call that streams nothing. */
const TIMEOUT_MS = 30_000

/** What a call may say beside its path. */
export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

const unauthorized: (() => void)[] = []

/** Calls a function whenever the gateway refuses the session, since it has ended. */
export function onUnauthorized(listener: () => void): void {
  unauthorized.push(listener)
}

/**
 * Calls a route of the gateway and returns its JSON, or undefined for an answer without content.
 * @param path from the gateway's root, such as `api/v1/queries`; a proxy may have put the root elsewhere
 * @throws ApiError; AbortError if the caller's signal aborts
 */
export async function callApi<T>(path: string, { signal, ...options }: CallOptions = {}): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await openAnswer(path, {
      ...options,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    return (response.status === 204 ? undefined : await response.json()) as T
  } catch (thrown) {
    throw isAborted(thrown) ? thrown : apiErrorOf(thrown)
  }
}

/**
 * Calls a route of the gateway and returns its answer, whose body has not been read.
 * @throws ApiError; AbortError if the signal aborts
 */
export async function openAnswer(
  path: string,
  { method = 'GET', body, headers, signal }: CallOptions = {},
): Promise<Response> {
  try {
    const response = await fetch(`../${path}`, {
      method,
      headers: {
        'x-flightgate-console': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
    if (response.ok) return response
    const error = await problemOf(response)
    if (response.status === 401) for (const listener of unauthorized) listener()
    throw error
  } catch (thrown) {
    throw isAborted(thrown) ? thrown : apiErrorOf(thrown)
  }
}

/** A query string of the members that are not empty. */
export function queryString(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
