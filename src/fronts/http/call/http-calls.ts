import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type CallMemory, MemoryPool, type MemoryShare } from '../../../grpc/server/requests/memory-budget.ts'
import { stoppedError } from '../../../query/drain-gate.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Logger } from '../../../query/types.ts'
import { type CallOwner, HttpCall } from './http-call.ts'
import { type HttpConnection, HttpConnections } from './http-connections.ts'

/** Largest number of calls in progress of a connection: answers that wait for those before them are held in memory. */
const MAX_PIPELINED = 100

/** Receives the end of each call. */
export interface HttpObserver {
  /** The call has valid credentials, and a route. */
  onAuthenticated?(call: HttpCall): void
  onEnd(call: HttpCall, error: GatewayError | undefined): void
}

/** What calls need. */
export interface HttpCallsOptions {
  readonly log: Logger
  readonly limits: {
    readonly defaultDeadlineMs: number
    readonly maxDeadlineMs: number
    readonly maxRequestMemoryBytes: number
  }
  /** Largest body of a request. */
  readonly maxBodyBytes: number
  /** Largest number of connections. */
  readonly maxConnections: number
  readonly observer: HttpObserver
}

/** A connection with its calls. */
interface Connection {
  readonly calls: Set<HttpCall>
  /** Its place; undefined if it has closed already. */
  readonly place: HttpConnection | undefined
  /** Its share of the memory for bodies, once a call has been authenticated. */
  memory?: MemoryShare
}

/** The requests in progress. A connection that closes fails its calls. */
export class HttpCalls implements CallOwner {
  readonly log: Logger
  /** All connections of the port. */
  readonly connections: HttpConnections
  readonly #limits: HttpCallsOptions['limits']
  readonly #observer: HttpObserver
  readonly #connections = new Map<Socket, Connection>()
  readonly #memory: MemoryPool
  /** Calls with valid credentials. A drain waits for them. */
  readonly #authenticated = new Set<HttpCall>()
  /** Connections that have carried a call with valid credentials. */
  readonly #clients = new Set<Socket>()

  constructor({ log, limits, maxBodyBytes, maxConnections, observer }: HttpCallsOptions) {
    this.connections = new HttpConnections(maxConnections)
    this.#memory = new MemoryPool(limits.maxRequestMemoryBytes, 2 * maxBodyBytes)
    this.log = log
    this.#limits = limits
    this.#observer = observer
  }

  get defaultDeadlineMs(): number {
    return this.#limits.defaultDeadlineMs
  }

  get maxDeadlineMs(): number {
    return this.#limits.maxDeadlineMs
  }

  /** Number of calls with valid credentials in progress. */
  get size(): number {
    return this.#authenticated.size
  }

  /** Returns a function that tells whether any of the calls of now still runs. */
  callsOfNow(): () => boolean {
    const calls = [...this.#authenticated]
    return () => calls.some((call) => this.#authenticated.has(call))
  }

  /** Memory held by the bodies of requests. */
  get requestMemoryBytes(): number {
    return this.#memory.heldBytes
  }

  /** Number of connections that have carried a call with valid credentials. */
  get connectionCount(): number {
    return this.#clients.size
  }

  /** Whether a connection carries a call. */
  hasCalls(socket: Socket): boolean {
    return (this.#connections.get(socket)?.calls.size ?? 0) > 0
  }

  /**
   * Closes a connection whose client pipelines more than `MAX_PIPELINED` requests before it reads their answers.
   * @returns whether the connection may carry one more call
   */
  admit(socket: Socket): boolean {
    if (socket.destroyed) return false
    const calls = this.#connections.get(socket)?.calls
    if (!calls || calls.size < MAX_PIPELINED) return true
    const text = `The connection had ${MAX_PIPELINED} requests in progress, and the client sent another: read answers first.`
    for (const call of calls) call.fail(new GatewayError('RATE_LIMITED', text))
    socket.destroy()
    return false
  }

  /** Begins a call, which ends when its answer has been sent or its connection has closed. */
  open(request: IncomingMessage, response: ServerResponse): HttpCall {
    const call = new HttpCall(request, response, this)
    const { calls, place } = this.#connectionOf(request.socket)
    calls.add(call)
    if (place) this.connections.requestBegan(place)
    response.once('finish', () => call.end())
    return call
  }

  onAuthenticated(call: HttpCall): CallMemory {
    const { socket } = call
    this.#authenticated.add(call)
    this.#clients.add(socket)
    const connection = this.#connectionOf(socket)
    if (connection.place) this.connections.callBegan(connection.place)
    connection.memory ??= this.#memory.connect(socket.remoteAddress ?? '', () => {})
    this.#observer.onAuthenticated?.(call)
    return connection.memory.openCall()
  }

  onEnd(call: HttpCall, error: GatewayError | undefined): void {
    const connection = this.#connections.get(call.socket)
    connection?.calls.delete(call)
    if (this.#authenticated.delete(call) && connection?.place) this.connections.callEnded(connection.place)
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

  /** Ends the calls that are left once the port is closed: the process may end before their connections tell that they are closed. */
  endRest(): void {
    for (const { calls } of this.#connections.values()) for (const call of calls) call.end()
  }

  /** One listener serves all calls of a connection, since clients send thousands over one. */
  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known) return known
    const connection: Connection = { calls: new Set(), place: this.connections.of(socket) }
    this.#connections.set(socket, connection)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#clients.delete(socket)
      for (const call of connection.calls) {
        call.fail(new GatewayError('CANCELLED', 'The client closed the connection.'))
        call.end()
      }
      connection.memory?.close()
    })
    return connection
  }
}
