import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const keys = [
  { name: 'ada', key: 'key-of-ada-ü', roles: ['admin'] },
  { name: 'rob', key: 'key-of-rob' },
]

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await GatewayProcess.start({
    auth: { apiKeys: keys },
    http: { cors: { origins: ['https://app.example'] } },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

const ofConsole = { 'x-flightgate-console': '1', 'sec-fetch-site': 'same-origin' }
const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`:${key}`).toString('base64')}` })

function call(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Response> {
  return fetch(`http://${gateway.http}${path}`, { method, headers, redirect: 'manual' })
}

async function logIn(key: string): Promise<string> {
  const answer = await call('/console/session', { ...ofConsole, ...basic(key) }, 'POST')
  expect(answer.status).toBe(200)
  return answer.headers.getSetCookie()[0]!.split(';')[0]!
}

describe('the files', () => {
  it('are there without credentials, with strict headers; only the page is asked for again', async () => {
    expect((await call('/console')).headers.get('location')).toBe('console/')
    const page = await call('/console/')
    const text = await page.text()
    const assets = [...text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path]) => path!)
    expect(assets.map((path) => path.replace(/-[A-Z0-9]{8}\./, '.')).sort()).toEqual([
      'assets/main.js',
      'assets/style.css',
    ])
    expect(text).not.toMatch(/<script(?![^>]*src=)|<style|style=|https?:/)
    for (const [answer, caching] of [
      [page, 'no-cache'],
      ...(await Promise.all(
        assets.map(async (path) => [await call(`/console/${path}`), 'public, max-age=31536000, immutable'] as const),
      )),
    ] as const) {
      expect(answer.status).toBe(200)
      const headers = Object.fromEntries(answer.headers)
      expect(headers).toMatchObject({
        'cache-control': caching,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      })
      const policy = headers['content-security-policy']
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toMatch(/unsafe|https?:|\*/)
    }
  })

  it('are revalidated by their etag', async () => {
    const page = await call('/console/')
    const again = await call('/console/', { 'if-none-match': page.headers.get('etag')! })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('have no sibling that could be read', async () => {
    for (const path of ['/console/assets/.stamp', '/console/assets/../index.html', '/console/assets/%2e%2e%2f.stamp'])
      expect((await call(path)).status, path).toBe(404)
  })

  /** The scripts and styles of the page by their paths. @param withViews also those that views load when they are shown */
  async function loadedFiles(withViews: boolean): Promise<Map<string, string>> {
    const page = await (await call('/console/')).text()
    const paths = new Set([...page.matchAll(/"(assets\/[^"]+)"/g)].map(([, path]) => path!))
    const loaded = new Map([['', page]])
    for (const path of paths) {
      const answer = await call(`/console/${path}`)
      expect(answer.status, path).toBe(200)
      const text = await answer.text()
      loaded.set(path, text)
      const imports = withViews ? /(?:from|import) ?\(?"\.\/([\w-]+\.js)"/g : /(?:from|import) ?"\.\/([\w-]+\.js)"/g
      for (const [, name] of text.matchAll(imports)) paths.add(`assets/${name}`)
    }
    return loaded
  }
  const gzipBytes = (files: Map<string, string>) =>
    [...files.values()].reduce((sum, text) => sum + gzipSync(text).length, 0)

  it('take less than 45 KiB with gzip for the first page; other views load theirs when they are shown', async () => {
    const first = gzipBytes(await loadedFiles(false))
    expect(first).toBeGreaterThan(5_000)
    expect(first).toBeLessThan(45 * 1024)
    const all = gzipBytes(await loadedFiles(true))
    expect(all).toBeGreaterThan(first)
    expect(all).toBeLessThan(64 * 1024)
  })

  it('name no other address', async () => {
    for (const text of (await loadedFiles(true)).values()) {
      const named = [...text.matchAll(/\bhttps?:\/\/[\w.-]+/g)].map(([url]) => url)
      // Names of namespaces, which nobody asks for.
      expect(named.filter((url) => url !== 'http://www.w3.org')).toEqual([])
    }
  })
})

describe('the session', () => {
  it('begins with a key, whose characters may be any, and tells who it is', async () => {
    expect(await jsonOf(call('/console/session', ofConsole))).toMatchObject({ login: 'key', principal: null })
    const cookie = await logIn('key-of-ada-ü')
    expect(await jsonOf(call('/console/session', { ...ofConsole, cookie }))).toMatchObject({
      principal: 'ada',
      roles: ['admin'],
      sees_others: true,
    })
    expect(await jsonOf(call('/console/session', { ...ofConsole, cookie: await logIn('key-of-rob') }))).toMatchObject({
      principal: 'rob',
      sees_others: false,
    })
  })

  it('has a cookie that scripts and other sites do not get, for three paths alone', async () => {
    const answer = await call('/console/session', { ...ofConsole, ...basic('key-of-rob') }, 'POST')
    const cookies = answer.headers.getSetCookie()
    expect(cookies.map((cookie) => /Path=([^;]+)/.exec(cookie)![1])).toEqual(['/api/v1', '/admin', '/console'])
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^flightgate_console=fgt_[\w-]+; Path=[^;]+; HttpOnly; SameSite=Strict$/)
      expect(cookie).not.toContain('key-of-rob')
    }
    const behindTls = { ...ofConsole, ...basic('key-of-rob'), 'x-forwarded-proto': 'https' }
    for (const cookie of (await call('/console/session', behindTls, 'POST')).headers.getSetCookie())
      expect(cookie).toMatch(/; Secure$/)
  })

  it('does not begin with a wrong key, and browsers ask for no password', async () => {
    const answer = await call('/console/session', { ...ofConsole, ...basic('wrong') }, 'POST')
    expect([answer.status, answer.headers.get('www-authenticate'), answer.headers.getSetCookie()]).toEqual([
      401,
      'Bearer realm="flightgate"',
      [],
    ])
    expect((await call('/api/v1/queries')).headers.get('www-authenticate')).toContain('Basic')
    expect((await call('/api/v1/queries', ofConsole)).headers.get('www-authenticate')).not.toContain('Basic')
  })

  it('ends with the cookie', async () => {
    const cookies = (await call('/console/session', ofConsole, 'DELETE')).headers.getSetCookie()
    expect(cookies.length).toBe(3)
    for (const cookie of cookies) expect(cookie).toMatch(/^flightgate_console=; .*Max-Age=0$/)
  })

  it('is nobody for a cookie that is wrong', async () => {
    const cookie = 'a=b; flightgate_console=fgt_wrong; c=d'
    expect(await jsonOf(call('/console/session', { ...ofConsole, cookie }))).toMatchObject({ principal: null })
    expect((await call('/api/v1/queries', { ...ofConsole, cookie })).status).toBe(401)
  })
})

describe('pages of other sites', () => {
  let cookie: string
  beforeAll(async () => {
    cookie = await logIn('key-of-ada-ü')
  })

  it('cannot use the cookie: it counts only with the header of the console, from the same origin', async () => {
    expect((await call('/api/v1/queries', { ...ofConsole, cookie })).status).toBe(200)
    expect((await call('/api/v1/queries', { 'x-flightgate-console': '1', cookie })).status).toBe(200)
    expect((await call('/api/v1/queries', { cookie })).status).toBe(401)
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await call('/api/v1/queries', { ...ofConsole, 'sec-fetch-site': site, cookie })).status, site).toBe(401)
    const change = { query: 'CREATE TABLE stolen (i INT)' }
    expect((await postJson(gateway, '/api/v1/query', change, { cookie })).status).toBe(401)
  })

  it('cannot log somebody in or out', async () => {
    for (const method of ['POST', 'DELETE', 'GET'])
      expect((await call('/console/session', { ...basic('key-of-rob') }, method)).status, method).toBe(403)
  })

  it('are not let through by a preflight request, also from an origin that may call the API', async () => {
    const answer = await call(
      '/api/v1/query',
      {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-flightgate-console',
      },
      'OPTIONS',
    )
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    const login = await call('/console/session', { origin: 'https://app.example' }, 'OPTIONS')
    expect(login.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('other credentials of the call win', async () => {
    const usage = jsonOf(call('/api/v1/usage', { ...ofConsole, cookie, 'x-api-key': 'key-of-rob' }))
    expect(await usage).toMatchObject({ principal: 'rob' })
  })
})

it('console.enabled: false: there is no console, and its cookie counts no more', async () => {
  const sealKeys = ['0123456789abcdef0123456789abcdef']
  const on = await GatewayProcess.start({ auth: { apiKeys: keys, sealKeys } })
  const off = await GatewayProcess.start({ auth: { apiKeys: keys, sealKeys }, console: { enabled: false } })
  try {
    const login = await fetch(`http://${on.http}/console/session`, {
      method: 'POST',
      headers: { ...ofConsole, ...basic('key-of-rob') },
    })
    const headers = { ...ofConsole, cookie: login.headers.getSetCookie()[0]!.split(';')[0]! }
    expect((await fetch(`http://${on.http}/api/v1/queries`, { headers })).status).toBe(200)
    expect((await fetch(`http://${off.http}/api/v1/queries`, { headers })).status).toBe(401)
    for (const path of ['/console', '/console/', '/console/session'])
      expect((await fetch(`http://${off.http}${path}`, { headers })).status).toBe(404)
  } finally {
    expect([await on.stop(), await off.stop()]).toEqual([0, 0])
  }
})

it('without API keys nobody logs in', async () => {
  const open = await GatewayProcess.start()
  try {
    const session = await fetch(`http://${open.http}/console/session`, { headers: ofConsole })
    expect(await session.json()).toMatchObject({ login: 'none', principal: 'anonymous', sees_others: true })
    expect((await fetch(`http://${open.http}/api/v1/queries`, { headers: ofConsole })).status).toBe(200)
  } finally {
    expect(await open.stop()).toBe(0)
  }
})
