import { GatewayError } from '../../src/query/errors.ts'
import type { Context, Query, Result } from '../../src/query/types.ts'
import type { FlightSqlConfig } from '../../src/sources/flightsql/settings.ts'
import { FlightSqlSource } from '../../src/sources/flightsql/source.ts'

type PoolConfig = FlightSqlConfig['pool']

/**
 * The configuration of a source for upstreams on this machine. Its time limits only end a test that hangs: a test of a limit
 * sets it.
 * @param ports the first is that of the source's URI, the others are further addresses
 */
export function upstreamConfig(
  ports: readonly number[],
  more: Partial<FlightSqlConfig> = {},
  pool: Partial<PoolConfig> = {},
): FlightSqlConfig {
  const [uri, ...addresses] = ports.map((port) => ({ host: '127.0.0.1', port, tls: false }))
  return {
    kind: 'flightsql',
    uri: uri!,
    addresses,
    username: 'u',
    password: 'p',
    tls: { skipVerify: false },
    headers: {},
    writes: false,
    connectTimeoutMs: 30_000,
    requestTimeoutMs: 30_000,
    maxMessageBytes: 1 << 24,
    slowReader: { afterMs: 0, memoryBytes: 0, spillBytes: 0 },
    forward: { toServer: [], toClient: [] },
    followLocations: true,
    pool: {
      min: 0,
      max: 4,
      healthCheckIntervalMs: 60_000,
      idleTimeoutMs: 3_600_000,
      maxAgeMs: 3_600_000,
      acquireTimeoutMs: 30_000,
      ...pool,
    },
    ...more,
  }
}

/** A source for an upstream on this machine, with its log and events. */
export class UpstreamFixture {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  readonly events = {
    created: 0,
    destroyed: [] as string[],
    breaker: [] as string[],
    retries: [] as string[],
  }
  readonly source: FlightSqlSource
  readonly #log = (() => {
    const at = (level: string) => (fields: object, message: string) => void this.lines.push({ level, fields, message })
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  })()

  /** @param ports the first is that of the source's URI, the others are further addresses */
  constructor(ports: readonly number[], more: Partial<FlightSqlConfig> = {}, pool: Partial<PoolConfig> = {}) {
    this.source = new FlightSqlSource('up', upstreamConfig(ports, more, { max: 8, ...pool }), {
      log: this.#log,
      observer: {
        onAcquire: () => {},
        onCreate: () => void this.events.created++,
        onDestroy: (_address, reason) => void this.events.destroyed.push(reason),
        onRetry: (address) => void this.events.retries.push(address),
        onBuffered: () => {},
        onBreaker: (_address, state) => void this.events.breaker.push(state),
      },
    })
  }

  /** The pool of the first address. */
  get pool() {
    return this.source.pools.all[0]!.pool
  }

  context(ms = 20_000): Context {
    return {
      principal: { name: 'me', roles: ['reader', 'writer'] },
      signal: new AbortController().signal,
      deadlineAt: Date.now() + ms,
      requestId: 'r',
      log: this.#log,
    }
  }

  /** Runs a behaviour of the fake upstream; a change begins with INSERT. */
  async run(what: string, ctx = this.context()): Promise<Result> {
    const sql = what.startsWith('INSERT') ? what : `SELECT ${what}`
    const query: Query = { source: 'up', sql, session: {}, purpose: 'any' }
    return await this.source.run(await this.source.plan(query, ctx), ctx)
  }

  /** The rows received, and the error's code, if any. */
  async read(sql: string, ctx = this.context()): Promise<{ rows: number; code?: string }> {
    let rows = 0
    try {
      for await (const frames of (await this.run(sql, ctx)).frames) for (const frame of frames) rows += frame.rows
      return { rows }
    } catch (error) {
      return { rows, code: GatewayError.from(error).code }
    }
  }
}
