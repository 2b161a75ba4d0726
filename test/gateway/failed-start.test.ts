import { readdirSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway/gateway.ts'
import type { SourceKinds } from '../../src/sources/kind.ts'
import { freePort } from '../fakes/servers.ts'
import { dummyKind } from './dummy-source/kind.ts'
import { openSources } from './dummy-source/source.ts'
import { configOf, kindsWithDummy } from './kinds-with-dummy.ts'

const log = pino({ level: 'silent' })
const sources = {
  first: { kind: 'dummy' },
  duck: { kind: 'duckdb' },
  up: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1' },
  last: { kind: 'dummy' },
}
const settings = { sources, defaultSource: 'first', health: { intervalMs: 1000 } }
const fails = () => {
  throw new Error('it fails')
}

/** Counts of the resources that keep the process alive (sockets, timers, workers), and of its threads. */
function openNow(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return { ...counts, threads: process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0 }
}

/** The resources with a higher count than before. */
function moreThan(before: Readonly<Record<string, number>>): string[] {
  const known = (name: string) => before[name] ?? 0
  return Object.entries(openNow()).flatMap(([name, count]) =>
    count > known(name) ? [`${name}: ${count}, before ${known(name)}`] : [],
  )
}

let taken: Server
let before: Readonly<Record<string, number>>
beforeAll(async () => {
  taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  // The first start loads libraries that stay loaded.
  await (await startGateway(configOf(settings), log, kindsWithDummy)).stop()
  before = openNow()
})
afterAll(() => void taken.close())

const takenPort = () => (taken.address() as AddressInfo).port
const at = (port: number) => ({ host: '127.0.0.1', port })
const noCertificate = { path: 'none.pem', content: Buffer.from('no certificate') }

it.each<[step: string, reason: RegExp, change: (config: Config) => Partial<Config>, kinds: SourceKinds]>([
  ['memory is divided', /it fails/, () => ({}), { ...kindsWithDummy, dummy: { ...dummyKind, memory: fails } }],
  [
    'the last source opens',
    /^sources\.last: the dummy does not open/,
    ({ sources }) => ({ sources: { ...sources, last: { ...sources['last']!, failsToOpen: true } as never } }),
    kindsWithDummy,
  ],
  ['slots are created', /it fails/, () => ({}), { ...kindsWithDummy, dummy: { ...dummyKind, concurrency: fails } }],
  [
    'the TLS context is created',
    /PEM|no start line/,
    () => ({ tls: { cert: noCertificate, key: noCertificate } }),
    kindsWithDummy,
  ],
  [
    'the Flight port listens',
    /^listen\.flight \(127\.0\.0\.1:\d+\): another process listens there already/,
    ({ listen }) => ({ listen: { ...listen, flight: at(takenPort()) } }),
    kindsWithDummy,
  ],
  [
    'the HTTP port listens',
    /^listen\.http \(127\.0\.0\.1:\d+\): another process listens there already/,
    ({ listen }) => ({ listen: { ...listen, http: at(takenPort()) } }),
    kindsWithDummy,
  ],
])('start fails when %s: no socket, timer, worker or source stays open', async (_, reason, change, kinds) => {
  // The configuration names the port, so that the test can see whether it is free afterwards.
  const port = await freePort()
  const config = configOf({ ...settings, listen: { flight: `127.0.0.1:${port}`, http: '127.0.0.1:0' } })
  await expect(startGateway({ ...config, ...change(config) }, log, kinds)).rejects.toThrow(reason)
  expect(openSources.size).toBe(0)
  // Threads and sockets take a moment to end.
  for (const until = performance.now() + 30_000; performance.now() < until && moreThan(before).length > 0; )
    await new Promise((resolve) => setTimeout(resolve, 20))
  expect(moreThan(before)).toEqual([])
  const gateway = await startGateway(config, log, kindsWithDummy)
  expect(gateway.addresses.flight).toBe(`127.0.0.1:${port}`)
  await gateway.stop()
})
