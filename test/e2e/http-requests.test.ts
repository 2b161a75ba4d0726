import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'

const keys = {
  auth: {
    apiKeys: [
      { name: 'dash', key: 'a-reader-key', roles: ['reader'] },
      { name: 'etl', key: 'a-writer-key', roles: ['writer'] },
    ],
  },
}

describe('requests of the HTTP API', () => {
  let gateway: GatewayProcess
  const get = async (path: string, init: RequestInit = {}) => await fetch(`http://${gateway.http}${path}`, init)

  beforeAll(async () => {
    gateway = await GatewayProcess.start(keys)
  })
  afterAll(async () => {
    await gateway.stop()
  })

  it('tells of a route that does not exist, as problem+json', async () => {
    const response = await get('/api/v1/nothing?x=1', { headers: { 'x-request-id': 'mine.1' } })
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('x-request-id')).toBe('mine.1')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('etag')).toBeNull()
    expect(await response.json()).toEqual({
      type: 'urn:flightgate:error:UNKNOWN_ROUTE',
      title: 'There is no such route: see the OpenAPI document.',
      status: 404,
      detail: 'There is no route /api/v1/nothing: the page /docs shows those that exist, and so does /openapi.json.',
      code: 'UNKNOWN_ROUTE',
      retryable: false,
      request_id: 'mine.1',
    })
    const line = await gateway.line(({ requestId }) => requestId === 'mine.1')
    expect(line).toMatchObject({ event: 'call', method: 'GET', route: 'unknown', code: 'UNKNOWN_ROUTE', status: 404 })
  })

  it('lists the methods of a route for another method', async () => {
    const response = await get('/livez', { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    expect(await response.json()).toMatchObject({ code: 'WRONG_METHOD' })
  })

  it('replaces a malformed request id, and answers malformed paths', async () => {
    const response = await get('/%zz', { headers: { 'x-request-id': 'not well formed' } })
    expect(response.status).toBe(404)
    const { request_id } = (await response.json()) as { request_id: string }
    expect(request_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(response.headers.get('x-request-id')).toBe(request_id)
  })

  const ask = (headers: Record<string, string>, body = '{"query":"SELECT 1 AS one"}', path = '/api/v1/query') =>
    get(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  const reader = { authorization: 'Bearer a-reader-key' }
  const codeOf = async (response: Response) => {
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const { code, detail, status } = (await response.json()) as { code: string; detail: string; status: number }
    expect(status).toBe(response.status)
    return { status, code, detail }
  }
  /** Writes bytes to a new connection and returns all that comes until it closes. */
  const raw = (text: string, later?: (socket: ReturnType<typeof connect>) => void) =>
    new Promise<string>((resolve) => {
      const [host, port] = gateway.http.split(':')
      let answer = ''
      const socket = connect(Number(port), host)
      socket.on('data', (chunk) => {
        answer += chunk.toString()
      })
      socket.on('error', () => {})
      socket.once('close', () => resolve(answer))
      socket.write(text)
      later?.(socket)
    })

  it('takes the credentials that Flight takes', async () => {
    const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}` })
    for (const headers of [reader, { 'x-api-key': 'a-writer-key' }, basic('a-reader-key')])
      expect((await ask(headers)).status).toBe(200)
    for (const headers of [{}, { authorization: 'Bearer wrong' }, basic('wrong'), { 'x-api-key': 'wrong' }]) {
      const response = await ask(headers as Record<string, string>)
      expect(response.headers.get('www-authenticate')).toContain('Bearer')
      expect(await codeOf(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    }
    const twice = 'Authorization: Bearer a-reader-key\r\nAuthorization: Bearer other\r\n'
    expect(await raw(`GET /api/v1/version HTTP/1.1\r\nhost: x\r\n${twice}connection: close\r\n\r\n`)).toContain(
      'different values of authorization',
    )
  })

  it('reads no body before the credentials are checked', async () => {
    const head = 'POST /api/v1/query HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
    const answer = await raw(`${head}content-length: 100000000\r\n\r\n{"query"`)
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    const waiting = await raw(`${head}content-length: 10\r\nexpect: 100-continue\r\n\r\n`)
    expect(waiting).toMatch(/^HTTP\/1\.1 401 /)
    const allowed = `${head}authorization: Bearer a-reader-key\r\nconnection: close\r\n`
    const body = '{"query":"SELECT 1 AS one"}'
    const continued = await raw(`${allowed}content-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`, (socket) =>
      socket.once('data', () => socket.write(body)),
    )
    expect(continued).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })

  it('refuses bodies that are not JSON, by type and by position', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect(await codeOf(await ask({ ...reader, 'content-type': type }))).toMatchObject({
        status: 415,
        code: 'WRONG_CONTENT_TYPE',
      })
    expect(await codeOf(await ask({ ...reader, 'content-encoding': 'gzip' }))).toMatchObject({ status: 415 })
    expect(await codeOf(await ask(reader, '{\n  "query": SELECT 1\n}'))).toEqual({
      status: 400,
      code: 'BAD_REQUEST',
      detail: 'The body is not JSON: line 2, column 12: expected a value, found "S".',
    })
    for (const body of ['', '[]', '5', 'null'])
      expect(await codeOf(await ask(reader, body))).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    const bytes = Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const notText = await get('/api/v1/query', {
      method: 'POST',
      headers: { ...reader, 'content-type': 'application/json' },
      body: bytes,
    })
    expect((await codeOf(notText)).detail).toBe('The body is not UTF-8.')
  })

  it('refuses bodies above the limit, with and without a length', async () => {
    const body = JSON.stringify({ query: `SELECT '${'x'.repeat(2 << 20)}'` })
    const large = await ask(reader, body)
    expect(await codeOf(large)).toMatchObject({
      status: 413,
      code: 'TOO_LARGE',
      detail: expect.stringContaining('http.maxBodyBytes'),
    })
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const options = { method: 'POST', headers: { ...reader, 'content-type': 'application/json' } }
      const call = request(`http://${gateway.http}/api/v1/query`, options, ({ statusCode }) => resolve(statusCode))
      call.once('error', reject)
      call.write(body.slice(0, 1 << 20))
      call.write(body.slice(1 << 20))
    })
    expect(chunked).toBe(413)
  })

  it('sends back a trace, and logs its ids', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const traced = await ask({ ...reader, traceparent, 'x-request-id': 'traced' }, '{"query":"SELEC"}')
    expect(traced.headers.get('traceparent')).toBe(traceparent)
    expect(await gateway.line(({ requestId, event }) => requestId === 'traced' && event === 'call')).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentId: 'b7ad6b7169203331',
    })
    const good = await ask({ ...reader, traceparent })
    expect(good.headers.get('traceparent')).toBe(traceparent)
    const malformed = await ask({ ...reader, traceparent: '00-0-0-0' })
    expect(malformed.headers.get('traceparent')).toBeNull()
  })

  it('chooses the source by header, and the types', async () => {
    expect(await codeOf(await ask({ ...reader, 'x-flightgate-source': 'lake' }))).toMatchObject({ status: 404 })
    expect(await codeOf(await ask({ ...reader, 'x-flightgate-lossless-types': 'maybe' }))).toMatchObject({
      status: 400,
    })
    const uuid = '{"query":"SELECT uuid() AS id","data_source":"demo"}'
    expect((await ask({ ...reader, 'x-flightgate-source': 'lake' }, uuid)).status).toBe(200)
  })

  it('refuses what is not HTTP', async () => {
    expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem/)
    const long = await raw(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`)
    expect(long).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('lets no other origin call it', async () => {
    const response = await ask({ ...reader, origin: 'https://app.example.com' })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('keeps probes and metrics open', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) expect((await get(path)).status).toBe(200)
  })

  it('counts requests by route and status', async () => {
    await get('/api/v1/none')
    expect(
      await gateway.metric('flightgate_http_requests_total', { method: 'GET', route: 'unknown', status: '404' }),
    ).toBeGreaterThan(0)
  })
})

describe('browsers of other origins', () => {
  it('call the API if the settings allow it', async () => {
    const origin = 'https://app.example.com'
    const gateway = await GatewayProcess.start({ ...keys, http: { cors: { origins: [origin] } } })
    const url = `http://${gateway.http}/api/v1/query`
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization')
    const call = await fetch(url, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json', authorization: 'Bearer a-reader-key' },
      body: '{"query":"SELECT 1"}',
    })
    expect([call.status, call.headers.get('access-control-allow-origin')]).toEqual([200, origin])
    expect(call.headers.get('access-control-expose-headers')).toContain('x-request-id')
    expect(call.headers.get('vary')?.toLowerCase()).toContain('origin')
    const refused = await fetch(url, { method: 'POST', headers: { origin }, body: '{}' })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin])
    const other = await fetch(url, { method: 'POST', headers: { origin: 'https://evil.example' }, body: '{}' })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
    expect(await gateway.stop()).toBe(0)
  })
})

describe('a stop', () => {
  const endless = JSON.stringify({ query: 'SELECT range FROM range(100000000000)', format: 'ndjson' })
  const slow = "SELECT range AS n, repeat('x', 1000) AS x FROM range(50000)"
  // Compressed, the whole result would fit into the buffers of the connection.
  const headers = { 'content-type': 'application/json', 'accept-encoding': 'identity' }

  it('waits for running results, and refuses new ones', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 300, graceMs: 20_000 } })
    const url = `http://${gateway.http}/api/v1/stream`
    const body = JSON.stringify({ query: slow, format: 'ndjson' })
    // Compressed, the result would fit into the buffers between, and end before it is read.
    const whole = { ...headers, 'accept-encoding': 'identity' }
    const running = await fetch(url, { method: 'POST', headers: whole, body })
    gateway.signal('SIGTERM')
    await gateway.line(({ msg }) => String(msg).includes('drain'))
    // Until drain.notReadyMs is over, statements are served.
    const refused = await waitFor(async () => {
      const answer = await fetch(url, { method: 'POST', headers, body: '{"query":"SELECT 1"}' })
      if (answer.status !== 200) return answer
      await answer.text()
      return undefined
    }, 'a statement to be refused')
    expect([refused.status, refused.headers.get('connection')]).toEqual([503, 'close'])
    expect(await refused.json()).toMatchObject({ code: 'DRAINING', retryable: true })
    expect((await running.text()).trimEnd().split('\n')).toHaveLength(50_000)
    expect(await gateway.exited).toBe(0)
  })

  it('cuts results off after the grace', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 0, graceMs: 200 } })
    const url = `http://${gateway.http}/api/v1/stream`
    const running = await fetch(url, { method: 'POST', headers: { ...headers, 'x-request-id': 'cut' }, body: endless })
    const read = running.text()
    gateway.signal('SIGTERM')
    await expect(read).rejects.toThrow()
    await gateway.exited
    expect(await gateway.line(({ requestId, event }) => requestId === 'cut' && event === 'call')).toMatchObject({
      code: 'DRAINING',
      status: 503,
    })
  })
})
