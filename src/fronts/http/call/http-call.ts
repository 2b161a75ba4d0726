import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { anonymous } from '../../../auth/authenticator.ts'
import { headerOf, requestIdOf } from '../../../grpc/server/metadata.ts'
import type { CallMemory } from '../../../grpc/server/requests/memory-budget.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Span } from '../../../query/tracing/span.ts'
import { readTraceParent, type TraceParent } from '../../../query/tracing/trace-parent.ts'
import type { ChangeMark, Context, Logger, Principal, StatementReader } from '../../../query/types.ts'
import { timeOver } from './time-over.ts'

const MAX_TIMER_MS = 2_147_483_647

/** What calls share. */
export interface CallOwner {
  readonly log: Logger
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
  /** @returns the account of the call's body */
  onAuthenticated(call: HttpCall): CallMemory
  onEnd(call: HttpCall, error: GatewayError | undefined): void
}

/**
 * One HTTP request and its answer, and the context of its statements. The first cause that fails the call wins (the handler, the
 * deadline, the client, the shutdown); later ones are ignored.
 */
export class HttpCall implements Context, ChangeMark {
  readonly method: string
  readonly front = 'http'
  readonly requestId: string
  readonly traceParent: TraceParent | undefined
  readonly metadata: Context['metadata']
  readonly startedAt = performance.now()
  /** Duration of the call in milliseconds, set when it ends. */
  durationMs = 0
  /** Pattern of the route, such as `/api/v1/query`; undefined if there is no such route. */
  route: string | undefined
  mayHaveChanged = false
  /** Set once the call has been authenticated, if tracing is on. */
  span: Span | undefined
  readonly #owner: CallOwner
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #controller = new AbortController()
  #principal: Principal | undefined
  #memory: CallMemory | undefined
  #deadlineAt = 0
  #timer: NodeJS.Timeout | undefined
  #error: GatewayError | undefined
  #ended = false

  constructor(request: IncomingMessage, response: ServerResponse, owner: CallOwner) {
    this.#owner = owner
    this.#request = request
    this.#response = response
    this.method = request.method ?? ''
    this.metadata = request.headers
    this.requestId = requestIdOf(request.headers)
    this.traceParent = readTraceParent(request.headers['traceparent'])
    this.limitTime(owner.defaultDeadlineMs)
  }

  /** First value of a request header. */
  header(name: string): string | undefined {
    return headerOf(this.#request.headers, name)
  }

  /** The caller. @throws GatewayError UNAUTHENTICATED before the call has been authenticated */
  get principal(): Principal {
    if (!this.#principal) throw new GatewayError('UNAUTHENTICATED')
    return this.#principal
  }

  /** Sets the caller. */
  authenticated(principal: Principal): void {
    this.#principal = principal
    this.#memory = this.#owner.onAuthenticated(this)
  }

  get isAuthenticated(): boolean {
    return this.#principal !== undefined
  }

  /** Callers without credentials share slots by their addresses. */
  get holder(): string | undefined {
    return this.#principal === anonymous ? this.#request.socket.remoteAddress : undefined
  }

  get log(): Logger {
    return this.#owner.log
  }

  get deadlineAt(): number {
    return this.#deadlineAt
  }

  /** Memory account of the body. @throws GatewayError UNAUTHENTICATED before the call has been authenticated */
  get memory(): CallMemory {
    if (!this.#memory) throw new GatewayError('UNAUTHENTICATED')
    return this.#memory
  }

  /** Aborts when the call fails; the reason is the error. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** A cancel of the call's statement fails the call. */
  get reader(): StatementReader {
    return { end: (error) => this.fail(error) }
  }

  get changeMark(): ChangeMark {
    return this
  }

  /** Status of the answer. */
  get answerStatus(): number {
    return this.#response.statusCode
  }

  /** Why the call failed. */
  get error(): GatewayError | undefined {
    return this.#error
  }

  /** The client's connection. */
  get socket(): Socket {
    return this.#request.socket
  }

  /** The client's address and port, for the log. */
  get peer(): string {
    const { remoteAddress = '', remotePort } = this.#request.socket
    return `${remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`
  }

  /** Sets the time limit of the call, counted from now; not above `limits.maxDeadlineMs`. */
  limitTime(timeoutMs: number): void {
    const limitMs = Math.min(timeoutMs, this.#owner.maxDeadlineMs)
    clearTimeout(this.#timer)
    this.#deadlineAt = Date.now() + limitMs
    if (limitMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.fail(timeOver(limitMs)), limitMs).unref()
  }

  /** Tells a client that waits before it sends its body (`expect: 100-continue`) to go on. */
  askForBody(): void {
    if (this.#request.headers['expect'] !== undefined) this.#response.writeContinue()
  }

  /** Fails the call and aborts its signal. The answer may still be on its way. */
  fail(error: GatewayError): void {
    if (this.#ended || this.#error) return
    this.#error = error
    this.#controller.abort(error)
  }

  /** Records an error that the answer has told, for the log: the call goes on to its end. */
  report(error: GatewayError): void {
    if (!this.#ended) this.#error ??= error
  }

  /** Reports that the answer has been sent or cut; only the first `end` has an effect. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#memory?.close()
    this.durationMs = performance.now() - this.startedAt
    this.#owner.onEnd(this, this.#error)
  }
}
