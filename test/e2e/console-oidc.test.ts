import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_SECRET, OidcIssuer } from '../fakes/oidc-issuer.ts'
import { freePort } from '../fakes/servers.ts'
import { hasChromium, startChromium } from './chromium.ts'
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

/** Where to put pictures of the pages, for people who look at them. */
const pictures = process.env['FLIGHTGATE_PICTURES']

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

  /** The answer leads to the console, whose page tells the reason, once. @param principal of the session that the browser has */
  async function refusedWith(
    browser: CookieJar,
    url: string,
    code: string,
    detail: RegExp,
    principal: string | null = null,
  ): Promise<void> {
    const answer = await browser.fetch(url)
    expect(answer.status).toBe(303)
    expect(new URL(answer.headers.get('location')!, url).pathname).toBe('/console/')
    const sign_in_error = {
      code,
      detail: expect.stringMatching(detail),
      request_id: answer.headers.get('x-request-id'),
    }
    expect(await sessionOf(browser)).toMatchObject({
      principal,
      sign_in_error: principal === null ? sign_in_error : null,
    })
    expect(await sessionOf(browser)).toMatchObject({ principal, sign_in_error: null })
  }

  it('while the issuer is down: the page to log in tells so', async () => {
    const browser = new CookieJar()
    // Without its keys the gateway would wait before it asks for them again.
    await expect.poll(() => issuer.requests).toContain('/jwks')
    issuer.fail()
    await refusedWith(browser, `${base}/console/login/oidc`, 'ISSUER_UNAVAILABLE', /does not answer: try again later/)
    issuer.recover()
    const callback = await logInAtIssuer(browser, 'alice')
    issuer.fail()
    await refusedWith(browser, callback, 'ISSUER_UNAVAILABLE', /does not answer/)
    issuer.recover()
  })

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
    await refusedWith(browser, callback, 'UNAUTHENTICATED', /not begun in this browser/, 'oidc:alice')
  })

  it('another browser cannot end the login, nor can a wrong state or code', async () => {
    const [browser, thief] = [new CookieJar(), new CookieJar()]
    const callback = await logInAtIssuer(browser, 'alice')
    await refusedWith(thief, callback, 'UNAUTHENTICATED', /not begun in this browser/)
    await thief.fetch(`${base}/console/login/oidc`)
    await refusedWith(thief, callback, 'UNAUTHENTICATED', /login has failed: begin it again/)
    const wrong = new URL(callback)
    wrong.searchParams.set('code', 'x')
    await refusedWith(browser, wrong.href, 'UNAUTHENTICATED', /login has failed/)
  })

  it('without a role: refused with the claim that was looked at', async () => {
    const browser = new CookieJar()
    const callback = await logInAtIssuer(browser, 'guest')
    await refusedWith(browser, callback, 'FORBIDDEN', /oidc:guest gives no role: its claim groups/)
  })

  it('no other site can put words into the page to log in', async () => {
    const cookie = `flightgate_login_failure=${Buffer.from('{"message":"call 555-1234"}').toString('base64url')}`
    const headers = { 'x-flightgate-console': '1', cookie }
    expect(await jsonOf(fetch(`${base}/console/session`, { headers }))).toMatchObject({ sign_in_error: null })
  })

  it.skipIf(!hasChromium())('in Chromium: refused at the issuer, then logged in, and out', async () => {
    const browser = await startChromium()
    const page = await browser.newPage()
    const picture = async (name: string) => {
      if (pictures) await page.screenshot({ path: join(pictures, `oidc-${name}.png`) })
    }
    // The issuer's pages want a font of another site.
    await page.route(/^https:/, (route) => route.abort())
    const link = page.getByRole('link', { name: 'Log in with oidc' })

    await page.goto(`${base}/console`)
    await link.waitFor()
    // There are no API keys.
    expect(await page.getByLabel('API key').count()).toBe(0)
    await picture('1-start')
    await link.click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('alert').getByText('The issuer has refused the login (access_denied): try again').waitFor()
    await picture('2-refused')
    await page.reload()
    await link.waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)

    await link.press('Enter')
    await page.getByPlaceholder('Enter any login').fill('alice')
    await page.getByPlaceholder('and password').fill('any')
    await picture('3-issuer')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { level: 1, name: 'Statements' }).waitFor()
    await page.getByText('None of your statements runs.').waitFor()
    expect(await page.locator('.who').innerText()).toContain('oidc:alice')
    await picture('4-statements')
    await page.getByRole('button', { name: 'Log out' }).click()
    await link.waitFor()
    await page.reload()
    await link.waitFor()
    await browser.close()
  })
})
