import type { JobReference } from '../../../query/billing/charge.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { QueryResultsHead } from '../rest/api.ts'
import { type RestClient, type RestRequest, segments } from '../rest/rest-client.ts'
import { type Page, readPage } from '../rows/page.ts'

/** An answer of `jobs.query` or `jobs.getQueryResults`, whose rows are still text. */
export type QueryPage = Page<QueryResultsHead>

/** Rows of the first page: small results come with the call that waits for the job. */
export const FIRST_PAGE_ROWS = 10_000

/** The call that returns a page of a job's result. Without a limit of rows, BigQuery fills it up to 20 MB. */
export function pageRequest(
  { project, location, jobId }: JobReference,
  query: { readonly pageToken?: string; readonly maxResults?: number; readonly timeoutMs?: number },
): Omit<RestRequest, 'repeatable'> {
  return {
    method: 'GET',
    path: `projects/${segments(project)}/queries/${segments(jobId)}`,
    query: {
      location: location === '' ? undefined : location,
      // Microseconds as integers: the default, seconds as floating point numbers, loses digits.
      'formatOptions.useInt64Timestamp': true,
      ...query,
    },
  }
}

/** Makes a call that returns a page. @throws GatewayError UPSTREAM_DATA, and as `RestClient.raw` */
export async function pageOf(rest: RestClient, request: RestRequest, signal: AbortSignal): Promise<QueryPage> {
  return await readPage<QueryResultsHead>(await rest.raw(request, signal))
}

/** The pages of a result, from its first one on. */
export class ResultPages {
  readonly #rest: RestClient
  readonly #reference: JobReference
  readonly #first: QueryPage

  constructor(rest: RestClient, reference: JobReference, first: QueryPage) {
    this.#rest = rest
    this.#reference = reference
    this.#first = first
  }

  /** Yields the pages; asks for the next one while one is read. @throws RestFailure, LoginFailure, or the signal's reason */
  async *all(signal: AbortSignal): AsyncGenerator<QueryPage, void, undefined> {
    const stop = new AbortController()
    const bounds = AbortSignal.any([signal, stop.signal])
    let next: Promise<QueryPage> | undefined
    let asked: string | undefined
    try {
      for (let page = this.#first; ; page = await next!) {
        const { pageToken } = page.head
        // A server that repeats its token would never end.
        if (pageToken && pageToken === asked)
          throw new GatewayError('UPSTREAM_DATA', 'BigQuery named a page of the result as the one behind itself.')
        asked = pageToken
        next = pageToken ? this.#page(pageToken, bounds) : undefined
        // Whether it fails is seen when it is waited for.
        next?.catch(() => {})
        yield page
        if (!next) return
      }
    } finally {
      stop.abort(new Error('the result was read'))
    }
  }

  async #page(pageToken: string, signal: AbortSignal): Promise<QueryPage> {
    return await pageOf(this.#rest, { ...pageRequest(this.#reference, { pageToken }), repeatable: true }, signal)
  }
}
