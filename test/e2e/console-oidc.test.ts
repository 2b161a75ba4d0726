import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_SECRET, OidcIssuer } from '../fakes/oidc-issuer.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf } from './http-client.ts'

/** A browser: keeps cookies by host and path, and follows no redirect by itself. */
class CookieJar {
  readonly #cookies = new Map<string, { readonly path: string; readonly value: string }>()

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { host, pathname } = new URL(url)
    const cookie = [...this.#cookies]
      .filter(([name, { path }]) => name.startsWith(`${host} `) && pathname.startsWith(path))
      .map(([name, { value }]) => `${name.split(' ')[1]}=${value}`)
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(cookie.length > 0 && { cookie: cookie.join('; ') }),
    }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split('; ')
      const [name, ...value] = pair!.split('=')
      const path = attributes.find((each) => /^path=/i.test(each))?.slice(5) ?? '/'
      this.#cookies.set(`${host} ${name} ${path}`, { path, value: value.join('=') })
    }
    return answer
  }
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const people: Record<string, readonly string[]> = { alice: ['all-staff'], guest: [] }

describe('login to the console by OpenID Connect', () => {
  let issuer: OidcIssuer
  let gateway: GatewayProcess
  let base: string

  beforeAll(async () => {
    const port = await freePort()
    base = `http://127.0.0.1:${port}`
    issuer = await OidcIssuer.start([], {
      clients: [
        {
          client_id: 'console',
          client_secret: CLIENT_SECRET,
          application_type: 'native',
          redirect_uris: [`${base}/console/login/callback`],
        },
      ],
      claims: { openid: ['sub'], groups: ['groups'] },
      conformIdTokenClaims: false,
      findAccount: (_context: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, groups: people[id] }),
      }),
      features: { devInteractions: { enabled: true } },
    })
    gateway = await GatewayProcess.start({
      listen: { flight: '127.0.0.1:0', http: `127.0.0.1:${port}` },
      auth: { oidc: [{ issuer: issuer.url, audience: 'flightgate', roles: { reader: ['all-staff'] } }] },
      console: {
        oidc: {
          issuer: issuer.url,
          clientId: 'console',
          clientSecret: CLIENT_SECRET,
          publicUrl: base,
          scopes: 'openid groups',
        },
      },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    await issuer.close()
  })

  /** Logs in at the issuer as somebody would; returns the address of the callback. */
  async function logInAtIssuer(browser: CookieJar, name: string): Promise<string> {
    let at = (await browser.fetch(`${base}/console/login/oidc`)).headers.get('location')!
    for (let i = 0; i < 12 && !at.startsWith(base); i++) {
      let answer = await browser.fetch(at)
      if (answer.status === 200) {
        const page = await answer.text()
        const prompt = /name="prompt" value="(\w+)"/.exec(page)![1]!
        const body = new URLSearchParams({ prompt, login: name, password: 'any' })
        answer = await browser.fetch(/action="([^"]+)"/.exec(page)![1]!, { method: 'POST', body })
      }
      at = new URL(answer.headers.get('location')!, at).href
    }
    return at
  }
  const sessionOf = async (browser: CookieJar) =>
    await jsonOf(browser.fetch(`${base}/console/session`, { headers: { 'x-flightgate-console': '1' } }))

  it('the browser gets a session of the principal', async () => {
    const browser = new CookieJar()
    expect(await sessionOf(browser)).toMatchObject({ principal: null, sign_in: 'oidc' })
    const callback = await logInAtIssuer(browser, 'alice')
    const answer = await browser.fetch(callback)
    expect(answer.status).toBe(303)
    expect(new URL(answer.headers.get('location')!, callback).pathname).toBe('/console/')
    const cookies = answer.headers.getSetCookie().filter((line) => line.startsWith('flightgate_console='))
    for (const line of cookies) expect(line).toMatch(/HttpOnly; SameSite=Strict/)
    expect(await sessionOf(browser)).toMatchObject({ principal: 'oidc:alice', roles: ['reader'] })
    expect((await browser.fetch(callback)).status).toBe(401)
  })

  it('another browser cannot end the login, nor can a wrong state or code', async () => {
    const [browser, thief] = [new CookieJar(), new CookieJar()]
    const callback = await logInAtIssuer(browser, 'alice')
    const stolen = await thief.fetch(callback)
    expect(stolen.status).toBe(401)
    expect((await jsonOf(stolen)).detail).toMatch(/not begun in this browser/)
    await thief.fetch(`${base}/console/login/oidc`)
    expect((await thief.fetch(callback)).status).toBe(401)
    expect(await sessionOf(thief)).toMatchObject({ principal: null })
    const wrong = new URL(callback)
    wrong.searchParams.set('code', 'x')
    expect((await browser.fetch(wrong.href)).status).toBe(401)
  })

  it('without a role: refused with the claim that was looked at', async () => {
    const browser = new CookieJar()
    const answer = await browser.fetch(await logInAtIssuer(browser, 'guest'))
    expect(answer.status).toBe(403)
    expect((await jsonOf(answer)).detail).toMatch(/oidc:guest gives no role: its claim groups/)
  })
})
