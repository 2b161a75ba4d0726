import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { performServerHandshake } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { selfSignedCertificate } from '../fakes/certificate.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { runFlightgate } from './run-flightgate.ts'

describe('flightgate doctor, TLS check,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-doctor-tls-'))
  const own = selfSignedCertificate('upstream.test')
  const atAddress = selfSignedCertificate('127.0.0.1')
  const gateway = selfSignedCertificate('gateway.test')
  const file = (name: string) => join(folder, name)
  const closing: (() => unknown)[] = []
  let named: FakeUpstream
  let addressed: FakeUpstream
  let mutual: FakeUpstream

  beforeAll(async () => {
    for (const [name, { cert, key }] of Object.entries({ own, atAddress, gateway })) {
      writeFileSync(file(`${name}.crt`), cert)
      writeFileSync(file(`${name}.key`), key)
    }
    named = await FakeUpstream.start({ tls: own })
    addressed = await FakeUpstream.start({ tls: atAddress })
    mutual = await FakeUpstream.start({ tls: { ...own, ca: gateway.cert } })
  })
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })
  afterAll(async () => {
    await Promise.all([named, addressed, mutual].map((each) => each.stop()))
    rmSync(folder, { recursive: true })
  })

  const doctor = async (port: number, tls: object, host = '127.0.0.1') => {
    const uri = `grpc+tls://${host}:${port}`
    const here = { kind: 'flightsql', uri, username: 'u', password: 'p', tls, connectTimeoutMs: 2000 }
    writeFileSync(file('config.yaml'), stringify({ sources: { here } }))
    return (await runFlightgate(['doctor', '--config', file('config.yaml')], { cwd: folder })).stdout
  }
  const trusted = { ca: file('own.crt'), serverName: 'upstream.test' }
  /** A TLS server that handles each connection with `onSocket`. */
  const serve = async (onSocket: (socket: TLSSocket) => void, more: object = {}) => {
    const server = createServer({ ...own, ...more }, (socket) => {
      socket.on('error', () => {})
      closing.push(() => socket.destroy())
      onSocket(socket)
    }).listen(0, '127.0.0.1')
    closing.push(() => server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  it('accepts a trusted certificate with serverName or for an address, and any certificate with skipVerify', async () => {
    const well = /ok {3}TLS +TLSv1\.3, h2, certificate of (\S+) until .*GMT(.*)\n +ok {3}login/
    expect(well.exec(await doctor(named.port, trusted))?.slice(1)).toEqual(['upstream.test', ''])
    const ca = file('atAddress.crt')
    expect(well.exec(await doctor(addressed.port, { ca }))?.slice(1)).toEqual(['127.0.0.1', ''])
    const any = ['upstream.test', ', NOT VERIFIED']
    expect(well.exec(await doctor(named.port, { skipVerify: true }))?.slice(1)).toEqual(any)
    expect(well.exec(await doctor(named.port, { skipVerify: true }, 'localhost'))?.slice(1)).toEqual(any)
    const withOwn = { ...trusted, cert: file('gateway.crt'), key: file('gateway.key') }
    expect(well.exec(await doctor(mutual.port, withOwn))?.slice(1)).toEqual(['upstream.test', ''])
  })

  it('reports an untrusted certificate, or one for another name, and the remedy', async () => {
    expect(await doctor(named.port, {})).toMatch(/FAIL TLS +self-signed certificate.*\n.*set ca to the authority/)
    expect(await doctor(named.port, { ca: file('own.crt') })).toMatch(/FAIL TLS .*127\.0\.0\.1.*\n.*set serverName/)
    expect(await doctor(addressed.port, { ca: file('atAddress.crt'), serverName: 'other.test' })).toMatch(
      /FAIL TLS .*other\.test.*\n.*set serverName/,
    )
  })

  it('reports that the server requires a client certificate', async () => {
    const refused = /FAIL TLS .*\n.*certificate.*\(?cert and key/
    expect(await doctor(mutual.port, trusted)).toMatch(refused)
    const { cert, key } = { cert: file('own.crt'), key: file('own.key') }
    expect(await doctor(mutual.port, { ...trusted, cert, key })).toMatch(refused)
  })

  it('reports a port that speaks TLS but not HTTP/2', async () => {
    const other = /FAIL TLS .*\n.*no HTTP\/2 \(ALPN h2\)/
    expect(await doctor(await serve(() => {}, { ALPNProtocols: ['http/1.1'] }), trusted)).toMatch(other)
    expect(await doctor(await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), trusted)).toMatch(
      other,
    )
    expect(await doctor(await serve(() => {}), trusted)).toMatch(other)
  })

  it('accepts HTTP/2 without ALPN, as the gateway does', async () => {
    const port = await serve((socket) => {
      const session = performServerHandshake(socket).on('error', () => {})
      session.on('stream', (stream) => stream.respond({ ':status': 404 }, { endStream: true }))
    })
    expect(await doctor(port, trusted)).toMatch(/ok {3}TLS +TLSv1\.3, HTTP\/2 without ALPN/)
  })
})
