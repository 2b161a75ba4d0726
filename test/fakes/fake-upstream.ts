/**
 * The fake Flight SQL server of the tests, on its own HTTP/2 layer (upstream-connection.ts), so that it can break
 * every rule. A statement has the name of a behaviour, then the number of batches sent before the fault (1 unless
 * given), then words that its errors quote: `SELECT fail 2 the words`.
 *
 * | Behaviour of DoGet | What the upstream does |
 * |---|---|
 * | `ok`, or any other word | sends schema, batches, status OK |
 * | `drip` | the same, with a pause of 30 ms after each batch |
 * | `hang-before-headers` | never answers |
 * | `hang` | sends the batches, then nothing |
 * | `rst` | resets the stream after the batches (INTERNAL_ERROR) |
 * | `cut` | drops the connection after the batches |
 * | `goaway` | sends GOAWAY after the batches, then one batch and status OK |
 * | `no-status` | resets the stream after the batches (NO_ERROR), without a status |
 * | `no-trailers` | ends the stream after the batches, without trailers |
 * | `no-schema` | sends a batch before any schema |
 * | `text` | sends a schema with a text column, after it announced an integer |
 * | `second-schema` | sends another schema after the batches |
 * | `short` | sends a batch whose body is 8 bytes too short after the batches |
 * | `truncated` | ends with status OK in the middle of a message |
 * | `fail` | ends with INTERNAL and a stack trace after the batches |
 * | `unavailable` | ends with UNAVAILABLE after the batches |
 *
 * | Behaviour of planning | What the upstream does |
 * |---|---|
 * | `plan hang` | GetFlightInfo never answers |
 * | `plan 5 words` | GetFlightInfo ends with status 5 |
 * | `unbindable` | DoPut of parameters ends with INVALID_ARGUMENT |
 * | `rows 1 then rows 2` | the result has two endpoints, with the locations in `locations` |
 * | `INSERT cut 0` | a change that is sent as a query has the same behaviour |
 *
 * | Member | What the upstream does while it is set |
 * |---|---|
 * | `everyCall` | `hang`: answers no call; `unauthenticated`: refuses every token |
 * | `cut` | fails the next calls of a method: drops the connection, or refuses the stream |
 * | `token` | refuses every other token, as if it had expired |
 * | `session` | sets a session cookie, and refuses cookies of other sessions |
 *
 * Options of `start`: `answer` lets a test answer calls itself, with messages (`Answer`) or with any frames;
 * `behaviours` adds to the first table; `begin` replaces the opening of connections; 'never' accepts them and sends nothing.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { FakePrepared } from './fake-prepared.ts'
import { infoOf } from './flight-messages.ts'
import { AskedResult, type Behaviour, behaviours, losses } from './upstream-behaviours.ts'
import type { Answer, UpstreamCall } from './upstream-call.ts'
import { opening, UpstreamConnection } from './upstream-connection.ts'

export { BATCH_ROWS } from './flight-messages.ts'

/** TLS settings of a fake. */
export interface FakeTls {
  readonly cert: Buffer
  readonly key: Buffer
  /** Authorities that must have issued the client's certificate. */
  readonly ca?: Buffer
}

/** Answers a call instead of the fake: returns messages, or true after sending frames itself; otherwise the fake answers. */
export type Override = (call: UpstreamCall) => Answer | boolean | undefined

/** Deviations of a fake from a well-behaved server. */
export interface FakeOptions {
  /** By default a free port. */
  readonly port?: number
  readonly tls?: FakeTls
  readonly answer?: Override
  /** Additional behaviours of DoGet, by name. */
  readonly behaviours?: Readonly<Record<string, Behaviour>>
  /** Sends the first bytes of a connection; 'never' accepts connections, and reads and sends nothing. */
  readonly begin?: ((socket: Socket) => void) | 'never'
  /** Whether calls need the token of Handshake; default true. */
  readonly login?: boolean
}

/** Answers calls by the short name of their method. */
export function byMethod(table: Readonly<Record<string, Override>>): Override {
  return (call) => table[call.method]?.(call)
}

/** A Flight SQL server with the behaviours of the tables above. */
export class FakeUpstream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #options: FakeOptions
  readonly prepared = new FakePrepared()
  readonly sessions = new Set<UpstreamConnection>()
  /** The calls so far with complete requests. */
  readonly calls: UpstreamCall[] = []
  /** Requests that the client aborted. */
  aborted = 0
  /** DoGet streams that the client aborted. */
  readonly ended = { cancelled: 0 }
  readonly counts = { connections: 0, handshakes: 0, plans: 0, executions: 0 }
  /** The valid token; any other counts as expired. */
  token = 'token-1'
  /** The session that cookies must name, for a server with sessions; like Dremio, the server sets the cookie itself. */
  session: string | undefined
  /** Locations of each part of a result, in order; by default none. */
  locations: readonly (readonly string[])[] = []
  /** Replaces the behaviour of every call except Handshake, if set. */
  everyCall: 'hang' | 'unauthenticated' | undefined
  /** Calls whose connection is dropped, or whose stream is refused, before any answer. */
  cut: { readonly method: string; times: number; readonly refused?: boolean } | undefined
  openStreams = 0
  port = 0

  private constructor(options: FakeOptions) {
    this.#options = options
    const { tls } = options
    const onConnection = (socket: Socket) => this.#accept(socket)
    // With client authorities the server requires a client certificate.
    const mutual = tls?.ca ? { requestCert: true, rejectUnauthorized: true } : {}
    this.#server = tls
      ? createTlsServer({ ...tls, ...mutual, noDelay: true, ALPNProtocols: ['h2'] }, onConnection)
      : createServer({ noDelay: true }, onConnection)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: FakeOptions = {}): Promise<FakeUpstream> {
    const fake = new FakeUpstream(options)
    fake.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(fake.#server, 'listening')
    fake.port = (fake.#server.address() as AddressInfo).port
    return fake
  }

  get uri(): string {
    return `grpc${this.#options.tls ? '+tls' : ''}://127.0.0.1:${this.port}`
  }

  /** Calls of a method. */
  of(method: string): readonly UpstreamCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  /** Number of requests that clients have begun, and neither ended nor aborted. */
  get incomplete(): number {
    return [...this.sessions].reduce((sum, connection) => sum + connection.incomplete, 0)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close').catch(() => {})
  }

  #accept(socket: Socket): void {
    this.counts.connections++
    socket.on('error', () => {})
    const { begin } = this.#options
    if (begin === 'never') return
    const connection = new UpstreamConnection(socket, {
      call: (call) => void this.#answer(call),
      cancelledRequest: () => {
        this.aborted++
      },
    })
    this.sessions.add(connection)
    socket.on('close', () => this.sessions.delete(connection))
    if (begin) begin(socket)
    else socket.write(opening)
  }

  async #answer(call: UpstreamCall): Promise<void> {
    this.calls.push(call)
    const answer = this.#options.answer?.(call)
    if (answer === true) return
    if (answer) return await call.answer(answer)
    const { method, messages } = call
    if (this.session !== undefined) call.commonHeaders = { 'set-cookie': `session=${this.session}; Path=/` }
    if (method === 'Handshake') {
      this.counts.handshakes++
      return await call.answer({ headers: { authorization: `Bearer ${this.token}` } })
    }
    if (this.cut?.method === method && this.cut.times-- > 0) return losses[this.cut.refused ? 'refused' : 'cut'](call)
    if (this.everyCall === 'hang') return
    if (this.#refusesLogin(call)) return
    if (method === 'GetFlightInfo') return await this.#plan(call)
    if (method === 'DoGet') return await this.#execute(call)
    // Parameters: accepted and ignored.
    if (method === 'DoPut') return call.finish(call.sql.startsWith('unbindable') ? 3 : 0, 'as the statement asks')
    const results = method === 'DoAction' ? this.prepared.act(messages[0]!) : undefined
    await call.answer(results ? { messages: results } : { status: 12, text: 'not implemented' })
  }

  #refusesLogin(call: UpstreamCall): boolean {
    const { authorization, cookie } = call.headers
    const isLoggedIn = this.#options.login === false || authorization === `Bearer ${this.token}`
    if (this.everyCall === 'unauthenticated' || !isLoggedIn) call.finish(16, 'the token has expired')
    else if (this.session !== undefined && cookie !== undefined && cookie !== `session=${this.session}`) {
      call.commonHeaders = {}
      call.finish(16, 'UserSession is not available in the cache')
    }
    return call.isOver
  }

  async #plan(call: UpstreamCall): Promise<void> {
    this.counts.plans++
    const { sql } = call
    if (sql.startsWith('plan hang')) return
    if (sql.startsWith('plan ')) {
      const [, status, ...quoted] = sql.split(' ')
      return call.finish(Number(status), ['as the statement asks', ...quoted].join(' '))
    }
    await call.answer({ messages: [infoOf(sql.split(' then '), { locations: this.locations })] })
  }

  async #execute(call: UpstreamCall): Promise<void> {
    this.counts.executions++
    this.openStreams++
    call.whenOver((code) => {
      this.openStreams--
      if (code === 8) this.ended.cancelled++
    })
    const [name = '', batches = '1', ...quoted] = call.sql.replace(/^INSERT /, '').split(' ')
    const behaviour = this.#options.behaviours?.[name] ?? behaviours[name] ?? behaviours['ok']!
    await behaviour(new AskedResult(call, Number(batches), quoted.join(' ')))
  }
}
