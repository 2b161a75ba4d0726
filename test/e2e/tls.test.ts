import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect as http2 } from 'node:http2'
import { get } from 'node:https'
import { type Socket, connect as tcp } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TLSSocket, connect as tls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { CertificateAuthority } from '../fakes/certificate.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython, runPythonLine } from './python.ts'

const ours = new CertificateAuthority()
const another = new CertificateAuthority()
afterAll(() => {
  ours.remove()
  another.remove()
})
const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1))

/** When the certificate in a file ends, in Unix seconds. */
const endOf = (file: string) => Date.parse(new X509Certificate(readFileSync(file)).validTo) / 1000

/** When the certificates of the ports end, as the metrics of a gateway with TLS tell. */
async function expiries({ http }: GatewayProcess): Promise<Record<string, number>> {
  const request = get(`https://localhost:${portOf(http)}/metrics`, { ca: readFileSync(ours.file) })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const found = (await text(answer)).matchAll(
    /^flightgate_certificate_expiry_timestamp_seconds\{port="(\w+)"\} (\d+)$/gm,
  )
  return Object.fromEntries([...found].map(([, port, seconds]) => [port, Number(seconds)]))
}

describe('TLS', () => {
  const certificate = ours.issue()
  let gateway: GatewayProcess
  let uri: string
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ tls: certificate })
    uri = `grpc+tls://localhost:${portOf(gateway.flight)}`
  })
  afterAll(() => gateway?.stop())

  it.skipIf(!hasPython())(
    'serves clients that trust its authority; others, and clients without TLS, get an error',
    async () => {
      const seen = await runPython<Record<string, unknown>>('tls.py', uri, ours.file, another.file)
      expect(seen).toEqual({
        pyarrow_with_our_ca: [{ x: 42 }],
        pyarrow_with_another_ca: expect.objectContaining({ error: 'FlightUnavailableError' }),
        pyarrow_without_tls: expect.objectContaining({ error: 'FlightUnavailableError' }),
        adbc_with_our_ca: [{ x: 42 }],
        adbc_with_another_ca: expect.objectContaining({ text: expect.stringContaining('certificate') }),
      })
    },
  )

  it.skipIf(!hasPython())('logs a line of Python that works, with or without API keys', async () => {
    const secured = await GatewayProcess.start({ tls: certificate, auth: { apiKeys: [{ name: 'a', key: 'hunter2' }] } })
    const open = await GatewayProcess.start({})
    const keyed = await GatewayProcess.start({ auth: { apiKeys: [{ name: 'a', key: 'hunter2' }] } })
    for (const each of [gateway, secured, open, keyed]) {
      const { tryPython } = await each.line(({ event }) => event === 'ready')
      const line = String(tryPython).replace('ca.pem', ours.file).replace('YOUR-API-KEY', 'hunter2')
      expect(await runPythonLine(line)).toContain('answer: [[42]]')
    }
    for (const each of [secured, open, keyed]) expect(await each.stop()).toBe(0)
  })

  it('serves flightgate query', async () => {
    const query = (...args: string[]) =>
      runFlightgate(['query', '-q', '--timeout', '60', '-e', uri, ...args, 'SELECT 42 AS x'], { cwd: '/' })
    expect(await query('--tls-ca', ours.file)).toMatchObject({ code: 0, stdout: 'x\r\n42\r\n' })
    expect(await query('--insecure-skip-verify')).toMatchObject({ code: 0, stdout: 'x\r\n42\r\n' })
    for (const args of [['--tls-ca', another.file], []])
      expect(await query(...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/certificate/) })
  })

  it('uses a renewed certificate for new connections, and keeps existing ones', async () => {
    const files = ours.issue()
    const renewed = await GatewayProcess.start({ tls: files })
    const port = portOf(renewed.flight)
    const ca = readFileSync(ours.file)
    const shown = async (to: number) => {
      const ALPNProtocols = ['h2', 'http/1.1']
      const socket: TLSSocket = tls({ port: to, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols })
      await once(socket, 'secureConnect')
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      return subject.CN
    }
    const connection = http2(`https://localhost:${port}`, { ca })
    await once(connection, 'connect')
    const before = await shown(port)
    const firstEnd = endOf(files.cert)
    expect(await expiries(renewed)).toEqual({ flight: firstEnd, http: firstEnd })
    writeFileSync(files.cert, 'not a certificate')
    await renewed.line(({ event, reason }) => event === 'certificate' && reason !== undefined)
    expect(await shown(port)).toBe(before)
    ours.issue(files, 2)
    await expect.poll(() => shown(port)).not.toBe(before)
    expect(await shown(portOf(renewed.http))).toBe(await shown(port))
    const end = endOf(files.cert)
    expect(end).toBeGreaterThan(firstEnd)
    expect(await expiries(renewed)).toEqual({ flight: end, http: end })
    await expect(new Promise((resolve) => connection.ping((error) => resolve(error)))).resolves.toBeNull()
    connection.close()
    expect(await renewed.stop()).toBe(0)
  })

  it('private key does not match the certificate: the start fails', async () => {
    const mixed = { cert: certificate.cert, key: another.issue().key }
    await expect(GatewayProcess.start({ tls: mixed })).rejects.toThrow(/tls: certificate and key cannot be used/)
  })
})

describe('sockets that never start a TLS handshake', () => {
  it('count as connections, and are closed at the handshake timeout', async () => {
    const gateway = await GatewayProcess.start({
      tls: ours.issue(),
      // All four come within this time.
      limits: { maxConnections: 3, handshakeTimeoutMs: 6000 },
    })
    const port = portOf(gateway.flight)
    const left: string[] = []
    const open = async (name: string): Promise<Socket> => {
      const socket = tcp(port, '127.0.0.1').on('error', () => {})
      socket.once('close', () => left.push(name))
      await once(socket, 'connect')
      return socket
    }
    for (let i = 0; i < 4; i++) await open(i < 3 ? 'silent' : 'one too many')
    await expect.poll(() => left).toEqual(['one too many', 'silent', 'silent', 'silent'])
    const { code } = await runFlightgate(
      ['query', '-e', `grpc+tls://localhost:${port}`, '--tls-ca', ours.file, 'SELECT 1'],
      { cwd: '/' },
    )
    expect(code).toBe(0)
    expect(await gateway.stop()).toBe(0)
  })

  it('are evicted when a client needs a connection', async () => {
    const gateway = await GatewayProcess.start({
      tls: ours.issue(),
      limits: { maxConnections: 3, handshakeTimeoutMs: 60_000, authenticateWithinMs: 200 },
    })
    const port = portOf(gateway.flight)
    let left = 0
    for (let i = 0; i < 4; i++) {
      const socket = tcp(port, '127.0.0.1').on('error', () => {})
      socket.once('close', () => left++)
      await once(socket, 'connect')
    }
    // One is too many. When it has left, the gateway has accepted the others, whose age it counts from then on.
    await expect.poll(() => left).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { code } = await runFlightgate(
      ['query', '-e', `grpc+tls://localhost:${port}`, '--tls-ca', ours.file, 'SELECT 1'],
      { cwd: '/' },
    )
    expect(code).toBe(0)
    await expect.poll(() => left).toBeGreaterThan(1)
    expect(await gateway.stop()).toBe(0)
  })
})
