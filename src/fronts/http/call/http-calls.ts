import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { stoppedError } from '../../../query/drain-gate.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Logger } from '../../../query/types.ts'
import { type CallOwner, HttpCall } from './http-call.ts'

/** Receives the end of each call. */
export interface HttpObserver {
  onEnd(call: HttpCall, error: GatewayError | undefined): void
}

/** What calls need. */
export interface HttpCallsOptions {
  readonly log: Logger
  readonly limits: { readonly defaultDeadlineMs: number; readonly maxDeadlineMs: number }
  readonly observer: HttpObserver
}

/** The requests in progress. A connection that closes fails its calls. */
export class HttpCalls implements CallOwner {
  readonly log: Logger
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
  readonly #observer: HttpObserver
  readonly #connections = new Map<Socket, Set<HttpCall>>()
  /** Calls with valid credentials. A drain waits for them. */
  readonly #authenticated = new Set<HttpCall>()
  /** Connections that have carried a call with valid credentials. */
  readonly #clients = new Set<Socket>()

  constructor({ log, limits, observer }: HttpCallsOptions) {
    this.log = log
    this.defaultDeadlineMs = limits.defaultDeadlineMs
    this.maxDeadlineMs = limits.maxDeadlineMs
    this.#observer = observer
  }

  /** Number of calls with valid credentials in progress. */
  get size(): number {
    return this.#authenticated.size
  }

  /** Number of connections that have carried a call with valid credentials. */
  get connectionCount(): number {
    return this.#clients.size
  }

  /** Begins a call, which ends when its answer has been sent or its connection has closed. */
  open(request: IncomingMessage, response: ServerResponse): HttpCall {
    const call = new HttpCall(request, response, this)
    this.#callsOf(request.socket).add(call)
    response.once('finish', () => call.end())
    return call
  }

  onAuthenticated(call: HttpCall): void {
    this.#authenticated.add(call)
    this.#clients.add(call.socket)
  }

  onEnd(call: HttpCall, error: GatewayError | undefined): void {
    this.#authenticated.delete(call)
    this.#connections.get(call.socket)?.delete(call)
    this.#observer.onEnd(call, error)
  }

  /**
   * Fails the running calls because the process ends. Those that may have changed data end as CANCELLED, the others as DRAINING.
   * @returns their number
   */
  stop(): number {
    const running = [...this.#authenticated]
    for (const call of running) call.fail(stoppedError(call))
    return running.length
  }

  /** The calls of a connection. One listener serves all of them, since clients send thousands over one connection. */
  #callsOf(socket: Socket): Set<HttpCall> {
    const known = this.#connections.get(socket)
    if (known) return known
    const calls = new Set<HttpCall>()
    this.#connections.set(socket, calls)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#clients.delete(socket)
      for (const call of calls) {
        call.fail(new GatewayError('CANCELLED', 'The client closed the connection.'))
        call.end()
      }
    })
    return calls
  }
}
