import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { BigQueryConfig } from '../settings.ts'
import { failureOf, isRefusal, LoginFailure, RestFailure } from './rest-failure.ts'
import { inRestSpan, type RestSpan } from './rest-span.ts'

const GOOGLE = 'https://bigquery.googleapis.com'
const MAX_ATTEMPTS = 4
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 8_000
/** Largest answer. BigQuery's limit is 20 MB; JSON with escapes and another server may need more. */
const MAX_ANSWER_BYTES = 128 << 20
const MAX_ERROR_BYTES = 1 << 20

/** A call of the REST API. */
export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/bigquery/v2/`; each name in it is encoded by `segments`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: object
  /**
   * Whether a failed call may be repeated: it reads, or carries an id by which the server knows it again. `unanswered` repeats it
   * only without an answer of BigQuery itself, for calls whose errors may be those of the statement.
   */
  readonly repeatable: boolean | 'unanswered'
  /** Time that the server may take to answer in addition to `requestTimeoutMs`, for long polls. */
  readonly waitMs?: number
  /** By default the call has no span. */
  readonly span?: RestSpan
}

/** What the calls report for metrics. */
export interface RestObserver {
  onRetry(): void
}

type Auth = Awaited<ReturnType<typeof import('./credentials.ts').authOf>>

/**
 * BigQuery's REST API. Credentials, tokens and the connection are those of Google's client. The calls do not go through its
 * `request()`: that cannot be aborted, copies each answer recursively, and replaces `{{projectId}}` in the text of statements.
 */
export class RestClient {
  readonly #config: BigQueryConfig
  readonly #baseUrl: string
  readonly #host: string
  readonly #observer: RestObserver
  #auth: Promise<Auth> | undefined

  constructor(config: BigQueryConfig, observer: RestObserver) {
    this.#config = config
    this.#baseUrl = `${(config.endpoint ?? GOOGLE).replace(/\/+$/, '')}/bigquery/v2/`
    this.#host = new URL(this.#baseUrl).hostname
    this.#observer = observer
  }

  /** Project in which the jobs run. */
  get project(): string {
    return this.#config.projectId
  }

  /** Calls the API and parses its answer. @throws RestFailure, LoginFailure, or the signal's reason */
  async request<T>(request: RestRequest, signal: AbortSignal): Promise<T> {
    const body = await this.raw(request, signal)
    if (body.byteLength === 0) return {} as T
    try {
      return JSON.parse(body.toString()) as T
    } catch {
      throw new RestFailure('the answer is not JSON', { status: 0 })
    }
  }

  /** Calls the API and returns the bytes of its answer. @throws as `request` */
  async raw(request: RestRequest, signal: AbortSignal): Promise<Buffer> {
    return await inRestSpan(request.span, { method: request.method, host: this.#host }, () =>
      this.#repeated(request, signal),
    )
  }

  async #repeated(request: RestRequest, signal: AbortSignal): Promise<Buffer> {
    let isRenewed = this.#config.anonymous
    let mayHaveArrived = false
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(request, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof RestFailure || error instanceof LoginFailure) {
          if (mayHaveArrived) error.mayHaveArrived = true
          else mayHaveArrived = !isRefusal(error)
        }
        if (error instanceof RestFailure && error.status === 401 && !isRenewed) {
          // The token was revoked, or expired by another clock.
          isRenewed = true
          this.#auth = undefined
          continue
        }
        const mayRepeat = request.repeatable !== false && attempt < MAX_ATTEMPTS
        if (!mayRepeat || !(error instanceof RestFailure) || !error.isTransient) throw error
        if (request.repeatable === 'unanswered' && error.reason !== undefined) throw error
        this.#observer.onRetry()
        await untilAborted(delay(retryDelay(attempt, error.retryAfterMs)), signal)
      }
    }
  }

  /**
   * The headers that authorize a call of another API, by lower-case name; empty if the source is anonymous.
   * @param isRefused whether a server has just refused the last ones, so that Google is asked for others
   * @throws LoginFailure, or the signal's reason
   */
  async authorization(signal: AbortSignal, isRefused = false): Promise<Record<string, string>> {
    if (isRefused) this.#auth = undefined
    const auth = await untilAborted(this.#login(), signal)
    try {
      return Object.fromEntries(await untilAborted(auth.getRequestHeaders(), signal))
    } catch (error) {
      signal.throwIfAborted()
      throw loginFailure(error, this.#config.impersonate)
    }
  }

  async #attempt({ method, path, query, body, waitMs = 0 }: RestRequest, outer: AbortSignal): Promise<Buffer> {
    const auth = await untilAborted(this.#login(), outer)
    // Asked for first, to tell a login that fails from a call that fails. Google's client keeps the token for its calls.
    await this.authorization(outer)
    const url = new URL(this.#baseUrl + path)
    for (const [name, value] of Object.entries({ ...query, prettyPrint: false }))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const timeoutMs = this.#config.requestTimeoutMs + waitMs
    const signal = AbortSignal.any([outer, AbortSignal.timeout(timeoutMs)])
    try {
      // Google's client asks for a token on the way, without the signal.
      const answer = await untilAborted(
        auth.request<Readable>({
          url,
          method,
          signal,
          responseType: 'stream',
          retry: false,
          // BigQuery sends none; another server should get neither the statement nor the answer's trust.
          redirect: 'manual',
          headers: { 'user-agent': 'flightgate', ...(body && { 'content-type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
          validateStatus: (status) => status !== 401,
        }),
        signal,
      )
      const isOk = answer.status >= 200 && answer.status < 300
      const content = await readAll(answer.data, isOk ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES)
      if (isOk) return content
      throw failureOf(answer.status, content.toString(), answer.headers.get('retry-after'))
    } catch (error) {
      outer.throwIfAborted()
      if (error instanceof RestFailure) throw error
      throw transportFailure(error, timeoutMs)
    }
  }

  #login(): Promise<Auth> {
    this.#auth ??= import('./credentials.ts')
      .then(({ authOf }) => authOf(this.#config))
      .catch((error: unknown) => {
        // The next call tries again: the metadata server may not be up yet.
        this.#auth = undefined
        throw loginFailure(error, this.#config.impersonate)
      })
    return this.#auth
  }
}

/**
 * A path of names, each encoded.
 * @throws RestFailure 404 for names that URLs take for steps in the path, or that are empty: nothing has such a name
 */
export function segments(...names: readonly string[]): string {
  const step = names.find((name) => name === '' || name === '.' || name === '..')
  if (step !== undefined)
    throw new RestFailure(`nothing has the name ${JSON.stringify(step)}`, { status: 404, reason: 'notFound' })
  return names.map(encodeURIComponent).join('/')
}

async function readAll(body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > maxBytes)
      throw new RestFailure(`an answer above ${maxBytes} bytes`, { status: 413, reason: 'responseTooLarge' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function retryDelay(attempt: number, askedMs: number | undefined): number {
  const backoffMs = FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
  return Math.min(Math.max(backoffMs, askedMs ?? 0), MAX_DELAY_MS)
}

/** What Google's client throws, as the failure to show: without the request that it carries. */
function transportFailure(error: unknown, timeoutMs: number): Error {
  const { response, name, message, code } = error as {
    response?: { status?: number }
    name?: string
    message?: string
    code?: string
  }
  // Google's client has read the body: it is the message.
  if (response?.status === 401) return failureOf(401, message ?? '', null)
  if (name === 'TimeoutError' || code === 'TimeoutError')
    return new RestFailure(`no answer within ${timeoutMs} ms`, { status: 0 })
  return new RestFailure(code ?? firstLine(message), { status: 0 })
}

/** @param account service account that the login impersonates, if any */
function loginFailure(error: unknown, account: string | undefined): LoginFailure {
  const { message, response } = (error ?? {}) as { message?: string; response?: { status?: number } }
  // Google's client puts these words before the answer of the Service Account Credentials API.
  const isDenied = response?.status === 403 && message?.includes('unable to impersonate')
  return new LoginFailure(firstLine(message), isDenied ? account : undefined)
}

function firstLine(message: string | undefined): string {
  return (message ?? 'unknown').split('\n')[0]!.slice(0, 300)
}
