import { lookup } from 'node:dns/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { formatAddress, type UpstreamAddress } from '../../grpc/client/address.ts'
import { GrpcFailure } from '../../grpc/client/failure.ts'
import type { Context } from '../../query/types.ts'
import type { Finding } from '../kind.ts'
import { UpstreamCatalog } from './catalog.ts'
import { Connection } from './protocol/connection.ts'
import { UpstreamFlight } from './protocol/flight-sql-client.ts'
import { profileOf } from './protocol/profiles/profile-of.ts'
import { tlsAdvice, tryTls } from './protocol/try-tls.ts'
import type { FlightSqlConfig } from './settings.ts'

interface Step {
  readonly name: string
  readonly advice: string | ((error: unknown) => string)
  run(): Promise<string>
}

/** Checks each address of a source step by step up to its first failure: DNS, TCP, TLS, login, session, query, metadata. */
export async function* diagnoseFlightSql(
  source: string,
  config: FlightSqlConfig,
  ctx: Context,
): AsyncGenerator<Finding> {
  for (const address of [config.uri, ...config.addresses]) {
    let connection: Connection | undefined
    const keep = (opened: Connection) => {
      connection = opened
    }
    try {
      for (const step of stepsOf(source, address, config, ctx, keep, () => connection!)) {
        const where = formatAddress(address)
        try {
          yield { where, step: step.name, ok: true, detail: await step.run() }
        } catch (error) {
          const advice = typeof step.advice === 'string' ? step.advice : step.advice(error)
          yield { where, step: step.name, ok: false, detail: describe(error), advice }
          break
        }
      }
    } finally {
      connection?.close()
    }
  }
}

function stepsOf(
  source: string,
  address: UpstreamAddress,
  config: FlightSqlConfig,
  ctx: Context,
  keep: (connection: Connection) => void,
  kept: () => Connection,
): Step[] {
  const { host, port, tls } = address
  const profile = profileOf(config.kind)
  const bounds = () => ({ signal: ctx.signal, deadlineAt: Date.now() + config.requestTimeoutMs })
  const timeoutMs = config.connectTimeoutMs
  const anonymous = config.username === undefined && config.token === undefined
  const login =
    config.standsFor === undefined
      ? `sources.${source}.username and password, or token`
      : `the login for ${config.standsFor} in sources.${source}.identity`
  const needsCredentials = `The server may require credentials: set sources.${source}.username and password, or token.`
  return [
    {
      name: 'DNS',
      advice: `Check the host in sources.${source}.uri and the DNS of this machine.`,
      run: async () => `${host} is ${(await lookup(host, { all: true })).map((each) => each.address).join(', ')}`,
    },
    {
      name: 'TCP',
      advice: 'Check that the server runs, its port, and the firewalls on the way.',
      run: async () => {
        await opened(connectTcp({ host, port }), timeoutMs)
        return `port ${port} answers`
      },
    },
    ...(tls
      ? [
          {
            name: 'TLS',
            advice: (error: unknown) => tlsAdvice(source, error),
            run: () => tryTls(address, config.tls, timeoutMs),
          },
        ]
      : []),
    {
      name: 'login',
      advice: anonymous
        ? `${needsCredentials} If it requires TLS, write grpc+tls://.`
        : `Check ${login}. If the server requires TLS, write grpc+tls://.`,
      run: async () => {
        keep(await Connection.open(address, config, profile, ctx.signal))
        return config.username ?? (config.token === undefined ? 'without credentials' : 'with a token')
      },
    },
    {
      name: 'session',
      advice: anonymous
        ? needsCredentials
        : `The login works, the session fails: check sources.${source}.session and the permissions of the user.`,
      run: async () => {
        // The server begins a session with the first statement.
        await new UpstreamFlight(kept(), bounds()).query('SELECT 1')
        const { cookieNames } = kept()
        const properties = Object.entries({
          ...profile.sessionHeaders(config.session ?? {}),
          ...profile.sessionOptions(config.session ?? {}),
        }).map(([name, value]) => `${name}=${value}`)
        const kind = cookieNames.length > 0 ? `kept by the cookie ${cookieNames.join(', ')}` : 'no session cookie'
        return properties.length > 0 ? `${kind}; ${properties.join(', ')}` : kind
      },
    },
    {
      name: 'SELECT 1',
      advice:
        'The login works, queries fail: check the permissions of the user, the session properties and the state of the engine.',
      run: async () => {
        const startedAt = performance.now()
        const { endpoints } = await new UpstreamFlight(kept(), bounds()).query('SELECT 1')
        for (const { ticket } of endpoints) await kept().collect('DoGet', [ticket], bounds())
        return `${Math.round(performance.now() - startedAt)} ms`
      },
    },
    {
      name: 'metadata',
      advice: 'Queries work, but tools cannot browse tables: check the permissions of the user.',
      run: async () => {
        const catalog = new UpstreamCatalog(source, profile, (_schema, _ctx, work) =>
          work(new UpstreamFlight(kept(), bounds()), kept(), bounds()),
        )
        const schemas = await catalog.schemas(undefined, ctx)
        const tables = await catalog.tables({ types: [] }, ctx)
        return `${schemas.length} schemas, ${tables.length} tables`
      },
    },
  ]
}

async function opened(socket: Socket, timeoutMs: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
      socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)))
    })
  } finally {
    socket.end()
    socket.destroy()
  }
}

function describe(error: unknown): string {
  if (error instanceof GrpcFailure) return `${error.status}: ${error.message.split('\n')[0]!.slice(0, 300)}`
  return (error as Error).message.split('\n')[0]!.slice(0, 300)
}
