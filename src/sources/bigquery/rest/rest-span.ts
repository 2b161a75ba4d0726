import type { Span } from '../../../query/tracing/span.ts'
import { LoginFailure, RestFailure } from './rest-failure.ts'

/** The span that a call of the REST API gets. */
export interface RestSpan {
  /** Absent if tracing is off. */
  readonly parent: Span | undefined
  /** Method of the API, such as `jobs.insert`. */
  readonly name: string
}

/** Makes a call, with its repetitions, within a span. The server's message stays out, since it may quote the statement. */
export async function inRestSpan<T>(
  asked: RestSpan | undefined,
  facts: { readonly method: string; readonly host: string },
  call: () => Promise<T>,
): Promise<T> {
  if (asked?.parent === undefined) return await call()
  const span = asked.parent.child(`bigquery ${asked.name}`, {
    kind: 'client',
    attributes: { 'http.request.method': facts.method, 'server.address': facts.host },
  })
  try {
    const answer = await call()
    span.end()
    return answer
  } catch (error) {
    span.end({ type: typeOf(error) })
    throw error
  }
}

function typeOf(error: unknown): string {
  if (error instanceof RestFailure) return error.reason ?? String(error.status)
  return error instanceof LoginFailure ? 'login' : 'cancelled'
}
