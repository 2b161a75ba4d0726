import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as tls } from 'node:tls'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { HttpAnswer } from '../e2e/http-answer.ts'
import { CertificateAuthority } from '../fakes/certificate.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'

describe('results over HTTP that break off', () => {
  let up: FakeUpstream
  let gateway: GatewayProcess
  const open = async (path: string, body: object, headers: Record<string, string> = {}) =>
    await HttpAnswer.post(gateway, path, body, headers)

  beforeAll(async () => {
    up = await FakeUpstream.start()
    const fake = { kind: 'flightsql', uri: up.uri, username: 'u', password: 'p', requestTimeoutMs: 60_000 }
    gateway = await GatewayProcess.start({
      sources: { up: fake, queue: { ...fake, maxStreams: 1 }, demo: { kind: 'duckdb' } },
      defaultSource: 'up',
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
    await up.stop()
  })
  afterEach(async () => {
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_http_requests_in_flight')).toBe(0)
    await expect.poll(() => up.openStreams).toBe(0)
  })

  const rows = 2 * BATCH_ROWS
  const broken = 'SELECT fail 2 a secret'

  it('JSON stays unclosed, after an error', async () => {
    const answer = await open('query', { query: broken })
    expect(await answer.ended).toBe(false)
    const text = answer.bytes.toString()
    expect(() => JSON.parse(text)).toThrow()
    const { rows: sent, error } = JSON.parse(`${text}}`)
    expect([answer.status, sent.length, error.code]).toEqual([200, rows, 'UPSTREAM_FAILED'])
    expect(error.request_id).toBe(answer.header('x-request-id'))
    expect(text).not.toContain('secret')
    const line = await gateway.line(({ requestId, event }) => requestId === error.request_id && event === 'call')
    expect(line).toMatchObject({ method: 'POST', route: '/api/v1/query', code: 'UPSTREAM_FAILED', status: 502 })
    const labels = { route: '/api/v1/query', status: '502' }
    expect(await gateway.metric('flightgate_http_requests_total', labels)).toBe(1)
  })

  it('an array stays unclosed', async () => {
    const answer = await open('stream', { query: broken })
    expect(await answer.ended).toBe(false)
    expect(JSON.parse(`${answer.bytes}]`)).toHaveLength(rows)
  })

  it('NDJSON ends with an error line', async () => {
    const answer = await open('stream', { query: broken, format: 'ndjson' })
    expect(await answer.ended).toBe(false)
    const lines = answer.bytes.toString().trimEnd().split('\n')
    expect(lines).toHaveLength(rows + 1)
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ error: { code: 'UPSTREAM_FAILED', status: 502 } })
  })

  it('CSV ends with an error record', async () => {
    const answer = await open('stream', { query: broken, format: 'csv' })
    expect(await answer.ended).toBe(false)
    const lines = answer.bytes.toString().trimEnd().split('\r\n')
    expect(lines).toHaveLength(1 + rows + 1)
    expect(lines.at(-1)).toMatch(/^#error,UPSTREAM_FAILED,".*"$/)
  })

  it('an Arrow stream has no end marker', async () => {
    const answer = await open('stream', { query: broken, format: 'arrow' })
    expect(await answer.ended).toBe(false)
    expect(answer.bytes.subarray(-8)).not.toEqual(Buffer.from('ffffffff00000000', 'hex'))
    const whole = await open('stream', { query: 'SELECT ok 2', format: 'arrow' })
    expect(await whole.ended).toBe(true)
    expect(whole.bytes.subarray(-8)).toEqual(Buffer.from('ffffffff00000000', 'hex'))
    expect(whole.bytes.subarray(0, -8)).toEqual(answer.bytes)
  })

  it.each(['cut', 'rst', 'truncated'])('a server that breaks off (%s) breaks the answer off', async (behaviour) => {
    const answer = await open('stream', { query: `SELECT ${behaviour} 2`, format: 'ndjson' })
    expect(await answer.ended).toBe(false)
    const lines = answer.bytes.toString().trimEnd().split('\n')
    expect(JSON.parse(lines.at(-1)!).error.status).toBeGreaterThanOrEqual(502)
  })

  it('over TLS, an answer of HTTP/1.0 that breaks off is told of, and its connection ends', async () => {
    const authority = new CertificateAuthority()
    const { uri } = up
    const secure = await GatewayProcess.start({
      tls: authority.issue(),
      sources: { up: { kind: 'flightsql', uri, username: 'u', password: 'p' } },
    })
    const ask = async (query: string) => {
      const body = JSON.stringify({ query, format: 'ndjson' })
      const head = 'POST /api/v1/stream HTTP/1.0\r\ncontent-type: application/json'
      const [host, port] = secure.http.split(':')
      const options = { host, port: Number(port), ca: readFileSync(authority.file), servername: 'localhost' }
      const socket = tls({ ...options, checkServerIdentity: () => undefined })
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      socket.on('error', () => {})
      socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      await new Promise((resolve) => socket.once('close', resolve))
      return text
    }
    expect(await ask('SELECT ok 2')).not.toContain('error')
    expect(await ask(broken)).toContain('UPSTREAM_FAILED')
    expect(await secure.stop()).toBe(0)
    expect(secure.noise).toEqual([])
    authority.remove()
  })

  it('a client of HTTP/1.0, whose answers end with the connection, gets a reset', async () => {
    const ask = async (query: string) => {
      const body = JSON.stringify({ query, format: 'ndjson' })
      const [host, port] = gateway.http.split(':')
      const socket = connect(Number(port), host)
      const closed = new Promise<string>((resolve) => {
        socket.once('error', ({ message }) => resolve(message))
        socket.once('end', () => resolve('end'))
      })
      socket.resume()
      const head = `POST /api/v1/stream HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
      socket.write(`${head}\r\n\r\n${body}`)
      return await closed
    }
    expect(await ask('SELECT ok 2')).toBe('end')
    expect(await ask(broken)).toContain('ECONNRESET')
  })

  it('the first rows come at once in every encoding, while the statement runs on', async () => {
    const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }
    for (const [encoding, decoder] of Object.entries(decoders)) {
      const answer = await open('stream', { query: 'SELECT hang 1', format: 'ndjson' }, { 'accept-encoding': encoding })
      expect(answer.header('content-encoding')).toBe(encoding)
      let text = ''
      const decode = decoder().on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      decode.on('error', () => {})
      let decodedBytes = 0
      const rowsSoFar = () => {
        // The first rows may come in several parts.
        const { bytes } = answer
        if (bytes.byteLength > decodedBytes) decode.write(bytes.subarray(decodedBytes))
        decodedBytes = bytes.byteLength
        return text.split('\n').length - 1
      }
      await expect.poll(rowsSoFar).toBe(BATCH_ROWS)
      answer.close()
      decode.destroy()
    }
  })

  it('an error in the middle of a compressed answer is told, and the answer is cut', async () => {
    const answer = await open('stream', { query: broken, format: 'ndjson' }, { 'accept-encoding': 'gzip' })
    expect(await answer.ended).toBe(false)
    let text = ''
    const decode = createGunzip().on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    decode.write(answer.bytes)
    await expect.poll(() => text).toContain('UPSTREAM_FAILED')
    decode.destroy()
  })
})
