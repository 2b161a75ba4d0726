/**
 * The one fake Flight SQL server of the tests, on an HTTP/2 layer of its own (upstream-connection.ts), so that it can break
 * every rule. A statement says what it does, by the name of a behaviour, then the number of batches that come first (1 unless
 * told otherwise), then words that its errors quote: `SELECT fail 2 the words`.
 *
 * | Behaviour of DoGet | What the upstream does |
 * |---|---|
 * | `ok`, or any other word | answers: schema, batches, status OK |
 * | `drip` | answers, 30 ms after each batch |
 * | `hang-before-headers` | never answers |
 * | `hang` | sends the batches, then nothing |
 * | `rst` | resets the stream after the batches (INTERNAL_ERROR) |
 * | `cut` | drops the connection after the batches |
 * | `goaway` | sends GOAWAY after the batches, then one batch and status OK |
 * | `no-status` | resets the stream after the batches (NO_ERROR), which leaves out the status |
 * | `no-trailers` | ends the stream after the batches, without trailers |
 * | `no-schema` | sends a batch before any schema |
 * | `text` | sends a schema of text, where it announced an integer |
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
 * | `rows 1 then rows 2` | the result has two endpoints; `locations` says where they lie |
 * | `INSERT cut 0` | a change that goes the way of queries does the same |
 *
 * | Member | What the upstream does as long as it is set |
 * |---|---|
 * | `everyCall` | `hang`: answers no call; `unauthenticated`: refuses every token |
 * | `cut` | loses the next calls of a method: drops the connection, or refuses the stream |
 * | `token` | refuses every other token, as if it had expired |
 * | `session` | sets a session cookie, and refuses cookies of other sessions |
 * | `answersDeadlineMs` | answers DEADLINE_EXCEEDED to a DoGet that hangs, shortly before its `grpc-timeout` |
 *
 * Options of `start`: `answer` has a test answer calls in its place, with messages (`Answer`) or with any frames;
 * `behaviours` adds to the first table; `begin` replaces the opening of connections, where 'never' takes them and says nothing.
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

/** TLS of a fake. */
export interface FakeTls {
  readonly cert: Buffer
  readonly key: Buffer
  /** Authorities whose certificates clients must have. */
  readonly ca?: Buffer
}

/** Answers a call in place of the fake: with messages, or with frames of its own (true); otherwise the fake answers. */
export type Override = (call: UpstreamCall) => Answer | boolean | undefined

/** How a fake differs from a well-behaved server. */
export interface FakeOptions {
  /** By default one of its own. */
  readonly port?: number
  readonly tls?: FakeTls
  readonly answer?: Override
  /** More behaviours of DoGet, by name. */
  readonly behaviours?: Readonly<Record<string, Behaviour>>
  /** Sends what a connection begins with; 'never' takes connections, and reads and says nothing. */
  readonly begin?: ((socket: Socket) => void) | 'never'
  /** Whether calls need the token of Handshake; so it is unless told otherwise. */
  readonly login?: boolean
}

/** Answers calls by the short name of their method. */
export function byMethod(table: Readonly<Record<string, Override>>): Override {
  return (call) => table[call.method]?.(call)
}

/** A Flight SQL server that does to each call what the tables above say. */
export class FakeUpstream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #options: FakeOptions
  readonly prepared = new FakePrepared()
  readonly sessions = new Set<UpstreamConnection>()
  /** The calls so far whose requests came whole. */
  readonly calls: UpstreamCall[] = []
  /** Requests that the client broke off. */
  aborted = 0
  /** DoGet streams that the client broke off. */
  readonly ended = { cancelled: 0 }
  readonly counts = { connections: 0, handshakes: 0, plans: 0, executions: 0 }
  /** What a token must be; another one is expired. */
  token = 'token-1'
  /** The session that calls with a cookie must name, for a server that has sessions; as Dremio it tells of it itself. */
  session: string | undefined
  /** Locations of the parts of a result, in order; by default none. */
  locations: readonly (readonly string[])[] = []
  /** What every call but Handshake does in place of its work, if anything. */
  everyCall: 'hang' | 'unauthenticated' | undefined
  /** How long before the `grpc-timeout` of a DoGet that hangs it answers DEADLINE_EXCEEDED; undefined for never. */
  answersDeadlineMs: number | undefined
  /** Calls that find their connection cut, or their stream refused, before any answer. */
  cut: { readonly method: string; times: number; readonly refused?: boolean } | undefined
  openStreams = 0
  port = 0

  private constructor(options: FakeOptions) {
    this.#options = options
    const { tls } = options
    const onConnection = (socket: Socket) => this.#accept(socket)
    // With authorities of clients it wants a certificate from each.
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
    // Parameters, which it takes and forgets.
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
    const { answersDeadlineMs } = this
    if (answersDeadlineMs !== undefined) {
      const afterMs = Number.parseInt(String(call.headers['grpc-timeout']), 10) - answersDeadlineMs
      setTimeout(() => call.finish(4, 'Deadline Exceeded'), afterMs)
    }
    const [name = '', batches = '1', ...quoted] = call.sql.replace(/^INSERT /, '').split(' ')
    const behaviour = this.#options.behaviours?.[name] ?? behaviours[name] ?? behaviours['ok']!
    await behaviour(new AskedResult(call, Number(batches), quoted.join(' ')))
  }
}
