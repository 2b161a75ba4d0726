import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, it } from 'vitest'
import { anonymous } from '../../../src/auth/authenticator.ts'
import { HttpCalls } from '../../../src/fronts/http/call/http-calls.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const limits = { defaultDeadlineMs: 60_000, maxDeadlineMs: 60_000, maxRequestMemoryBytes: 1 << 20 }

it('port is closed before the connection of a call that was cut off: the call ends once, with its error', async () => {
  const ends: unknown[] = []
  const observer = { onEnd: (_: unknown, error: { code: string } | undefined) => ends.push(error?.code) }
  const calls = new HttpCalls({ log, limits, maxBodyBytes: 1000, maxConnections: 10, observer })
  const server = createServer((request, response) => calls.open(request, response).authenticated(anonymous))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await expect.poll(() => calls.size).toBe(1)
  expect(calls.stop()).toBe(1)
  expect([calls.size, ends]).toEqual([1, []])
  calls.endRest()
  expect([calls.size, ends]).toEqual([0, ['DRAINING']])
  client.destroy()
  server.close()
  await once(server, 'close')
  await expect.poll(() => calls.connectionCount).toBe(0)
  expect(ends).toEqual(['DRAINING'])
})
