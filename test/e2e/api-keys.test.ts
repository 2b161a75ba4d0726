import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const DAY_MS = 24 * 3_600_000
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString()

describe('API keys with an end', () => {
  let gateway: GatewayProcess
  const query = (key: string) => postJson(gateway, '/api/v1/query', { query: 'SELECT 1 AS n' }, { 'x-api-key': key })

  beforeAll(async () => {
    const apiKeys = [
      { name: 'dash', key: 'old-key', roles: ['admin'], expiresAt: inDays(-1) },
      { name: 'dash', key: 'new-key', expiresAt: inDays(3) },
      { name: 'etl', key: 'etl-key', expiresAt: inDays(90) },
      { name: 'user', key: 'user-key' },
    ]
    gateway = await GatewayProcess.start({ auth: { apiKeys } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('an expired key is refused with a sentence that says so; the next one is the same principal', async () => {
    const refused = await query('old-key')
    expect(refused.status).toBe(401)
    expect((await jsonOf(refused)).detail).toMatch(/The API key of dash has expired at .*: use the one that takes/)
    expect((await query('new-key')).status).toBe(200)
    const usage = await fetch(`http://${gateway.http}/api/v1/usage`, { headers: { 'x-api-key': 'new-key' } })
    expect((await jsonOf(usage)).principal).toBe('dash')
  })

  it('the metric has the end of the last key of each principal that has one', async () => {
    const name = 'flightgate_api_key_expires_timestamp_seconds'
    const metric = await gateway.metrics()
    expect(metric(name, { principal: 'dash' }) * 1000 - Date.now()).toBeGreaterThan(2.9 * DAY_MS)
    expect(metric(name, { principal: 'etl' }) * 1000 - Date.now()).toBeGreaterThan(89 * DAY_MS)
    expect(metric(name, { principal: 'user' })).toBe(0)
  })

  it('the log warns of keys that end soon, and of entries that have expired', async () => {
    const warned = () => gateway.lines.filter(({ event }) => event === 'api_key_expiry')
    await expect.poll(warned).toMatchObject([{ level: 'warn', principal: 'dash' }])
    expect(JSON.stringify(gateway.lines)).toMatch(/auth.apiKeys\[0\]: this key of dash has expired: remove it/)
  })
})
