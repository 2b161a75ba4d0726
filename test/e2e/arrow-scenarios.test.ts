import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasScenarioPrograms, runScenarioClient, startScenarioServer } from '../fakes/arrow-scenarios.ts'
import { GatewayProcess } from './gateway-process.ts'

/** The expected outcome of a scenario, and its client's message on failure; `docs/clients.md` is generated from it. */
interface Expected {
  readonly passes: boolean
  readonly says?: string
  readonly why?: string
}

const expected: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(new URL('arrow-scenarios.json', import.meta.url), 'utf8'),
)
const dataSet = fileURLToPath(new URL('../fakes/primitive.json', import.meta.url))

// The credentials of the scenarios' clients and servers.
const login = { username: 'arrow', password: 'flight' }
const configs: Readonly<Record<string, { readonly auth?: object; readonly source?: object }>> = {
  'auth:basic_proto': {
    auth: { apiKeys: [{ name: login.username, key: login.password, roles: ['writer'] }] },
    source: login,
  },
  middleware: {
    source: { plainCommands: true, forward: { toServer: ['x-middleware'], toClient: ['x-middleware'] } },
  },
  ...Object.fromEntries(
    [
      'ordered',
      'expiration_time:do_get',
      'expiration_time:cancel_flight_info',
      'expiration_time:renew_flight_endpoint',
      'location:reuse_connection',
      'poll_flight_info',
      'app_metadata_flight_info_endpoint',
    ].map((name) => [name, { source: { plainCommands: true } }]),
  ),
}

describe.runIf(hasScenarioPrograms())('Arrow’s integration scenarios through the gateway', () => {
  // Failing scenarios spend most of their time waiting.
  it.concurrent.each(Object.entries(expected))('%s', async (name, { passes, says = '' }) => {
    const scenario = name === 'default' ? '' : name
    const server = await startScenarioServer(scenario)
    const { auth, source } = configs[name] ?? {}
    const gateway = await GatewayProcess.start({
      ...(auth && { auth }),
      sources: { scenario: { kind: 'flightsql', uri: `grpc://127.0.0.1:${server.port}`, writes: true, ...source } },
    })
    const direct = await runScenarioClient(scenario, `127.0.0.1:${server.port}`, dataSet)
    expect(direct, direct.output).toMatchObject({ passes: true })
    const outcome = await runScenarioClient(scenario, gateway.flight, dataSet)
    expect(outcome.passes, outcome.output).toBe(passes)
    // If the status arrives before the upload ends, Go's client stops at its next message without reading the status.
    const overtaken = says === 'DoPut does not support the command' && outcome.output.includes('panic: EOF')
    if (!overtaken) expect(outcome.output).toContain(says)
    expect(gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
    expect(await gateway.stop()).toBe(0)
    await server.stop()
  })
})
