import { expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { freePort } from '../fakes/servers.ts'
import { GatewayProcess } from './gateway-process.ts'

it('a source goes down: one log line, and its state in /readyz?verbose and the metrics', async () => {
  const port = await freePort()
  const upstream = await FakeUpstream.start({ port })
  const dead = await freePort()
  const up = (at: number) => ({ kind: 'flightsql', uri: `grpc://127.0.0.1:${at}`, username: 'u', password: 'p' })
  const gateway = await GatewayProcess.start({
    sources: { demo: { kind: 'duckdb' }, lake: up(port), gone: up(dead) },
    defaultSource: 'demo',
    health: { intervalMs: 200, timeoutMs: 30_000 },
  })
  const told = (name: string) =>
    gateway.lines
      .filter(({ event, source, state }) => event === 'source' && source === name && state !== undefined)
      .map(({ level, state, msg }) => ({ level, state, msg: String(msg) }))
  const verbose = async () => (await fetch(`http://${gateway.http}/readyz?verbose`)).text()
  const metric = async (name: string) =>
    (await (await fetch(`http://${gateway.http}/metrics`)).text()).match(
      new RegExp(`^flightgate_source_up{source="${name}"} (\\d)`, 'm'),
    )?.[1]

  await expect.poll(() => told('gone')).toHaveLength(1)
  expect(told('gone')[0]).toEqual({ level: 'warn', state: 'down', msg: expect.stringContaining('ECONNREFUSED') })
  await expect.poll(verbose).toMatch(/^ready\n\[\+] demo ok\n\[\+] lake ok\n\[-] gone does not answer since 20.*\n$/)
  expect(await Promise.all(['demo', 'lake', 'gone'].map(metric))).toEqual(['1', '1', '0'])
  const plain = await fetch(`http://${gateway.http}/readyz`)
  expect([plain.status, await plain.text()]).toEqual([200, 'ready\n'])

  await upstream.stop()
  await expect.poll(() => told('lake')).toEqual([{ level: 'warn', state: 'down', msg: expect.any(String) }])
  const again = await FakeUpstream.start({ port })
  await expect.poll(() => told('lake').at(-1)).toEqual({ level: 'info', state: 'up', msg: 'source lake answers again' })
  expect(told('gone')).toHaveLength(1)
  expect(await gateway.stop()).toBe(0)
  await again.stop()
})
