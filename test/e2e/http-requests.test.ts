import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
      detail: 'There is no route /api/v1/nothing.',
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
