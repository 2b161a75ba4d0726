import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { CertificateAuthority } from '../fakes/certificate.ts'

const authority = new CertificateAuthority()
afterAll(() => authority.remove())

describe.each(['plain', 'TLS'])('the HTTP port holds at most http.maxConnections (%s)', (how) => {
  let gateway: GatewayProcess
  const open = new Set<Socket>()
  beforeAll(async () => {
    const tls = how === 'TLS' && { tls: authority.issue() }
    gateway = await GatewayProcess.start({ http: { maxConnections: 2 }, ...tls })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })
  afterEach(async () => {
    for (const socket of open) socket.destroy()
    open.clear()
    await expect
      .poll(async () => (await answered(await probe('/metrics'), /^flightgate_http_requests_in_flight (\d+)$/m))?.[1])
      .toBe('0')
  })

  /** A connection with a request, and what it has received. */
  const send = async (request: string) => {
    const [host, port] = gateway.http.split(':')
    const tcp = connect({ host: host!, port: Number(port) })
    const socket =
      how === 'TLS' ? connectTls({ socket: tcp, servername: 'localhost', ca: readFileSync(authority.file) }) : tcp
    open.add(socket)
    const connection = { socket, received: '', isClosed: false }
    socket.on('data', (chunk) => (connection.received += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', () => (connection.isClosed = true))
    socket.write(request)
    await expect.poll(() => connection.isClosed || connection.received !== '').toBe(true)
    return connection
  }
  const answered = async (connection: { isClosed: boolean; received: string }, what: RegExp) => {
    await expect.poll(() => connection.isClosed || what.test(connection.received)).toBe(true)
    return what.exec(connection.received)
  }
  const probe = (path = '/livez') => send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  const run = async () => {
    const body = JSON.stringify({ query: 'SELECT range AS n FROM range(100000000000)', format: 'ndjson' })
    const head = `host: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
    const connection = await send(`POST /api/v1/stream HTTP/1.1\r\n${head}\r\n\r\n${body}`)
    expect(connection.received).toMatch(/^HTTP\/1\.1 200 /)
    connection.socket.pause()
    return connection
  }
  const closed = async (connection: { isClosed: boolean }) => await expect.poll(() => connection.isClosed).toBe(true)

  it('a new one replaces the one that has been idle for longest, not one with a running call', async () => {
    const running = await run()
    const idle = await probe()
    expect(idle.received).toMatch(/^HTTP\/1\.1 200 /)
    const next = await probe('/metrics')
    expect(next.received).toMatch(/^HTTP\/1\.1 200 /)
    await closed(idle)
    await expect.poll(() => next.received).toMatch(/^flightgate_http_connections 2$/m)
    expect(running.isClosed).toBe(false)
    expect(next.isClosed).toBe(false)
  })

  it('a connection on which a call has ended is idle, and one that has been used since is not replaced', async () => {
    const [first, second] = [await probe(), await probe()]
    const body = JSON.stringify({ query: 'SELECT 1' })
    const before = first.received.length
    first.socket.write(
      `POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await expect.poll(() => first.received.length).toBeGreaterThan(before)
    expect((await probe()).received).toMatch(/^HTTP\/1\.1 200 /)
    await closed(second)
    expect(first.isClosed).toBe(false)
    expect((await probe()).received).toMatch(/^HTTP\/1\.1 200 /)
    await closed(first)
  })

  it('a new one is refused while all have running calls, and has a place once one has left', async () => {
    const [first] = [await run(), await run()]
    expect(await probe()).toMatchObject({ isClosed: true, received: '' })
    first.socket.destroy()
    await once(first.socket, 'close')
    await expect.poll(async () => (await probe()).received).toMatch(/^HTTP\/1\.1 200 /)
  })
})
