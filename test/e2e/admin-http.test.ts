import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

let gateway: GatewayProcess

const keyOf = (name: string) => `${name}-key-0123456789abcdef`
const apiKey = (name: string, roles: string[]) => ({
  name,
  key: `sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`,
  roles,
})

beforeAll(async () => {
  gateway = await GatewayProcess.start({
    auth: { apiKeys: [apiKey('ann', ['reader']), apiKey('root', ['reader', 'admin'])] },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

const call = (name: string, path: string, init: RequestInit = {}) =>
  fetch(`http://${gateway.http}${path}`, { ...init, headers: { 'x-api-key': keyOf(name), ...init.headers } })
const post = (name: string, path: string, body: unknown, headers = {}) =>
  postJson(gateway, path, body, { 'x-api-key': keyOf(name), ...headers })
const slow = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'
const start = (name: string) => post(name, '/api/v1/query', { query: slow, timeout: '300s' })
const running = async () => (await jsonOf(call('root', '/admin/queries'))).queries
const adminLine = (action: string, outcome: string) =>
  gateway.line((line) => line['event'] === 'admin' && line['action'] === action && line['outcome'] === outcome)

describe('the routes of operators', () => {
  it('list and kill the statements of others, with a reason for the log', async () => {
    const answer = start('ann')
    await expect.poll(async () => (await running()).length).toBe(1)
    const [{ id }] = await running()
    const reason = 'blocks the nightly load'
    const killed = await post('root', `/admin/queries/${id}/cancel`, { reason })
    expect([killed.status, await killed.text()]).toEqual([204, ''])
    expect(await (await answer).json()).toMatchObject({ code: 'CANCELLED' })
    expect(await adminLine('cancel_statement', 'OK')).toMatchObject({ principal: 'root', target: id, reason })
    const late = await call('root', `/admin/queries/${id}`, { method: 'DELETE' })
    expect([late.status, (await jsonOf(late)).code]).toEqual([404, 'UNKNOWN_QUERY'])
    await adminLine('cancel_statement', 'UNKNOWN_QUERY')
  })

  it('need no body', async () => {
    for (const method of ['DELETE', 'POST']) {
      const answer = start('ann')
      await expect.poll(async () => (await running()).length).toBe(1)
      const [{ id }] = await running()
      const path = `/admin/queries/${id}${method === 'POST' ? '/cancel' : ''}`
      expect((await call('root', path, { method })).status).toBe(204)
      expect((await answer).status).toBe(499)
    }
    expect((await call('root', '/admin/cache/clear', { method: 'POST' })).status).toBe(200)
  })

  it('clear the cache by a filter', async () => {
    const query = async (name: string) => {
      const answer = await post(name, '/api/v1/query', { query: 'SELECT 42 AS x' })
      // The rows are in the cache when the answer has ended.
      await answer.text()
      return answer.headers.get('cache-status')
    }
    await query('ann')
    expect(await query('ann')).toContain('hit')
    expect(await jsonOf(post('root', '/admin/cache/clear', { principal: 'root' }))).toEqual({ cleared: 0 })
    expect(await query('ann')).toContain('hit')
    expect(await jsonOf(post('root', '/admin/cache/clear', { data_source: 'demo', principal: 'ann' }))).toEqual({
      cleared: 1,
    })
    expect(await query('ann')).not.toContain('; hit')
    expect(await adminLine('clear_cache', 'OK')).toMatchObject({ principal: 'root' })
    // A filter in the query string is not taken for "all entries".
    const mistaken = await call('root', '/admin/cache/clear?data_source=demo', { method: 'POST' })
    expect([mistaken.status, (await jsonOf(mistaken)).code]).toEqual([400, 'BAD_REQUEST'])
    const unknown = await post('root', '/admin/cache/clear', { data_source: 'nope' })
    expect([unknown.status, (await jsonOf(unknown)).code]).toEqual([404, 'UNKNOWN_SOURCE'])
  })

  it.each([
    ['GET', '/admin/queries', 'list_statements'],
    ['DELETE', '/admin/queries/0123456789ab-1', 'cancel_statement'],
    ['POST', '/admin/queries/0123456789ab-1/cancel', 'cancel_statement'],
    ['POST', '/admin/cache/clear', 'clear_cache'],
  ])('%s %s is refused for a reader, and the log tells of it', async (method, path, action) => {
    const refused = await call('ann', path, { method })
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([403, 'FORBIDDEN'])
    expect(await adminLine(action, 'FORBIDDEN')).toMatchObject({ principal: 'ann', level: 'warn' })
    expect((await fetch(`http://${gateway.http}${path}`, { method })).status).toBe(401)
  })

  it('take nothing from pages of other origins', async () => {
    const from = (origin: string) => post('root', '/admin/cache/clear', {}, { origin })
    expect((await from('http://elsewhere.example')).status).toBe(403)
    expect((await from('null')).status).toBe(403)
    expect((await from(`http://${gateway.http}`)).status).toBe(200)
    const line = await gateway.line(
      (each) => each['event'] === 'admin' && each['details'] !== undefined && each['outcome'] === 'FORBIDDEN',
    )
    expect(line).toMatchObject({
      action: 'clear_cache',
      principal: 'root',
      details: { origin: 'http://elsewhere.example' },
    })
  })

  it.each([
    ['/admin/reload', 'reload_config', { nope: 1 }],
    ['/admin/sources/demo/breaker', 'set_breaker', {}],
    ['/admin/sources/demo/drain?reason=x', 'drain_source', {}],
    ['/admin/seal-keys/rotate', 'rotate_seal_keys', { reason: 7 }],
  ])('POST %s looks at the grant before the rest of the request', async (path, action, body) => {
    const refused = await post('ann', path, body)
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([403, 'FORBIDDEN'])
    expect(await adminLine(action, 'FORBIDDEN')).toMatchObject({ principal: 'ann' })
    expect((await post('root', path, body)).status).toBe(400)
  })

  it('are in the OpenAPI document', async () => {
    const { paths } = await jsonOf(fetch(`http://${gateway.http}/openapi.json`))
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/admin/queries', '/admin/queries/{id}', '/admin/queries/{id}/cancel']),
    )
  })
})
