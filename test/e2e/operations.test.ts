import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const run = promisify(execFile)
const grpcurl = fileURLToPath(new URL('../../.cache/bin/grpcurl', import.meta.url))
const hasGrpcurl = existsSync(grpcurl)
if (!hasGrpcurl && process.env['CI'] === 'true') throw new Error('grpcurl is missing: run npm test')
if (!hasGrpcurl) process.stderr.write('skipped: grpcurl is missing (npm test installs it where Go is)\n')

describe('operating the gateway', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start()
  })
  afterAll(() => gateway?.stop())

  it('logs its addresses, its start time, and a line of Python to paste', () => {
    const ready = gateway.lines.find(({ event }) => event === 'ready')!
    expect(ready['startMs']).toBeGreaterThan(0)
    expect(ready['tryPython']).toContain(`grpc://${gateway.flight}`)
    expect(ready['msg']).toMatch(/ready in \d+ ms: Flight on grpc:\/\/127.0.0.1:\d+, HTTP on http:\/\/127.0.0.1:\d+/)
  })

  it('counts calls, rows, bytes and statements', async () => {
    const stub = new FlightStub(gateway.flight)
    const info = await stub.info('SELECT range FROM range(1000)')
    await stub.call('DoGet', [ticketOf(info)], { 'x-request-id': 'my-request' })
    stub.close()
    await expect.poll(() => gateway.metric('flightgate_calls_total', { method: 'DoGet', code: 'OK' })).toBe(1)
    expect(await gateway.metric('flightgate_rows_total', { source: 'demo' })).toBe(1000)
    expect(await gateway.metric('flightgate_bytes_total', { source: 'demo' })).toBeGreaterThan(8000)
    expect(await gateway.metric('flightgate_statements_total', { outcome: 'OK' })).toBe(1)
    expect(await gateway.metric('flightgate_call_duration_seconds_count', { method: 'DoGet' })).toBe(1)
    expect(await gateway.metric('flightgate_first_rows_seconds_count', { source: 'demo' })).toBe(1)
    expect(await gateway.metric('flightgate_principal_statements_total', { principal: 'anonymous' })).toBe(1)
    expect(await gateway.metric('flightgate_principal_bytes_total', { principal: 'anonymous' })).toBeGreaterThan(8000)
    expect(await gateway.metric('flightgate_ready')).toBe(1)
    expect(await gateway.metric('flightgate_build_info', { node: process.versions.node })).toBe(1)
    expect(await gateway.metric('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0)
    const line = await gateway.line(({ requestId }) => requestId === 'my-request')
    expect(line).toMatchObject({
      event: 'statement',
      principal: 'anonymous',
      source: 'demo',
      rows: 1000,
      outcome: 'OK',
    })
    expect(line['sqlHash']).toMatch(/^[0-9a-f]{16}$/)
  })

  it.skipIf(!hasGrpcurl)('grpcurl can list services, check health and call GetFlightInfo', async () => {
    const { stdout } = await run(grpcurl, ['-plaintext', gateway.flight, 'list'])
    expect(stdout).toContain('arrow.flight.protocol.FlightService')
    const described = await run(grpcurl, [
      '-plaintext',
      gateway.flight,
      'describe',
      'arrow.flight.protocol.FlightService',
    ])
    expect(described.stdout).toContain('rpc GetFlightInfo')
    const health = await run(grpcurl, ['-plaintext', gateway.flight, 'grpc.health.v1.Health/Check'])
    expect(JSON.parse(health.stdout)).toEqual({ status: 'SERVING' })
    const command = Buffer.from('SELECT 1').toString('base64')
    const info = await run(grpcurl, [
      '-plaintext',
      '-d',
      `{"type": "CMD", "cmd": "${command}"}`,
      gateway.flight,
      'arrow.flight.protocol.FlightService/GetFlightInfo',
    ])
    expect(JSON.parse(info.stdout).endpoint).toHaveLength(1)
  })

  it('port in use or start-up SQL fails: the start fails with the reason', async () => {
    await expect(GatewayProcess.start({ listen: { flight: gateway.flight, http: '127.0.0.1:0' } })).rejects.toThrow(
      /EADDRINUSE/,
    )
    await expect(GatewayProcess.start({ sources: { demo: { kind: 'duckdb', init: ['SELEC'] } } })).rejects.toThrow(
      /syntax error/,
    )
  })
})
