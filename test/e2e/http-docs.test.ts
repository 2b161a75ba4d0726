import { execFile } from 'node:child_process'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, startChromium } from './chromium.ts'
import { contrastsOf } from './contrasts.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf } from './http-client.ts'

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await GatewayProcess.start()
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

const document = () => jsonOf(fetch(`http://${gateway.http}/openapi.json`))

describe('/', () => {
  const root = (accept: string, path = '/', method = 'GET') =>
    fetch(`http://${gateway.http}${path}`, { method, headers: { accept }, redirect: 'manual' })
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'

  it('leads browsers to the page', async () => {
    for (const path of ['/', '/?from=bookmark']) {
      const answer = await root(browser, path)
      expect([answer.status, new URL(answer.headers.get('location')!, answer.url).pathname]).toEqual([303, '/docs'])
    }
    expect(await (await fetch(`http://${gateway.http}/`, { headers: { accept: browser } })).text()).toContain('<html')
  })

  it('is no route for others, who learn where the routes are', async () => {
    for (const answer of [await root('*/*'), await root('application/json'), await root(browser, '/nothing')]) {
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
      expect((await answer.json()) as object).toMatchObject({
        detail: expect.stringMatching(/\/docs .*\/openapi\.json/),
      })
    }
    expect((await root(browser, '/', 'POST')).status).toBe(404)
  })
})

describe('/openapi.json', () => {
  it('describes every operation with an id, a summary, a tag, answers and errors as problem+json', async () => {
    const { openapi, paths } = await document()
    expect(openapi).toBe('3.1.1')
    const ids = new Set<string>()
    for (const [path, item] of Object.entries<object>(paths))
      for (const [method, operation] of Object.entries(item)) {
        const name = `${method} ${path}`
        expect(operation, name).toMatchObject({ operationId: expect.any(String), summary: expect.any(String) })
        expect(operation.tags?.length, name).toBe(1)
        expect(operation.responses['400'].content, name).toHaveProperty(['application/problem+json'])
        if (operation.requestBody) {
          const { example, examples } = operation.requestBody.content['application/json']
          expect(example ?? examples, name).toBeDefined()
        }
        ids.add(operation.operationId)
      }
    expect(ids.size).toBe(Object.values<object>(paths).flatMap((item) => Object.keys(item)).length)
  })

  it('refers only to schemas that it has', async () => {
    const text = JSON.stringify(await document())
    const { schemas } = (await document()).components
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
      expect(schemas).toHaveProperty([name!])
  })

  it('describes each body as one object, so that generators of clients make one type of it', async () => {
    const { paths, components } = await document()
    for (const [path, { post }] of Object.entries<{ post?: Operation }>(paths)) {
      if (!post) continue
      const { schema } = post.requestBody.content['application/json']!
      const body = schema.$ref ? components.schemas[schema.$ref.split('/').pop()!] : schema
      expect(body, path).toHaveProperty('properties')
      expect(body, path).not.toHaveProperty('oneOf')
      expect(body, path).not.toHaveProperty('anyOf')
    }
  })

  it('names the forms of a line of a batch', async () => {
    const { BatchLine } = (await document()).components.schemas
    expect(BatchLine.anyOf).toEqual(BatchLine.anyOf.map(() => ({ $ref: expect.any(String) })))
  })
})

interface Operation {
  readonly requestBody: { readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>> }
}

it('every example of /docs works as it stands', async () => {
  const page = await (await fetch(`http://${gateway.http}/docs`)).text()
  const commands = [...page.matchAll(/<code>(curl [^<]*)<\/code>/g)].map(([, text]) => plainTextOf(text!))
  expect(commands.length).toBe(
    Object.values<object>((await document()).paths).flatMap((item) => Object.keys(item)).length,
  )
  for (const command of commands) {
    const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -o /dev/null -w '%{http_code}'`], {
      env: { ...process.env, GATEWAY: `http://${gateway.http}`, API_KEY: 'none' },
    })
    // The examples' id of a running statement and name of a source that bills are made up.
    const expected = /\/reconcile|\/sources\/lake|\/queries\/4f0c1d2e3a5b-7/.test(command) ? '404' : '200'
    expect(stdout, command).toBe(expected)
  }
})

it('the commands of /docs name the address of the page, and take nothing else from the header host', async () => {
  const [address, port] = gateway.http.split(':')
  const pageOf = async (host: string) =>
    await new Promise<string>((resolve, reject) => {
      get({ host: address, port, path: '/docs', headers: { host } }, async (answer) => resolve(await text(answer)))
        .on('error', reject)
        .end()
    })
  expect(await pageOf(gateway.http)).toContain(`GATEWAY=http://${gateway.http}\n`)
  expect(await pageOf('gateway.example:81')).toContain('GATEWAY=http://gateway.example:81\n')
  expect(await pageOf('a$(reboot)')).toContain('GATEWAY=http://127.0.0.1:8080\n')
})

function plainTextOf(markup: string): string {
  const characters: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }
  return markup.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => characters[entity]!)
}

describe.skipIf(!hasChromium())('/docs in Chromium', () => {
  it('shows every operation, and asks no other address', async () => {
    const { paths } = await document()
    const browser = await startChromium()
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      const [asked, complaints] = [[] as string[], [] as string[]]
      page.on('request', (request) => asked.push(request.url()))
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(String(error)))
      await page.goto(`http://${gateway.http}/docs`)
      expect(await page.title()).toBe('flightgate')
      expect([asked.filter((url) => !url.startsWith('data:')), complaints]).toEqual([
        [`http://${gateway.http}/docs`],
        [],
      ])

      for (const [path, item] of Object.entries<object>(paths))
        for (const [method, operation] of Object.entries(item)) {
          const section = page.locator(`section#${operation.operationId}`)
          expect(await section.locator('h3').innerText()).toBe(operation.summary)
          expect(await section.locator('.route').innerText()).toBe(`${method.toUpperCase()} ${path}`)
          expect(await section.locator('pre').innerText()).toMatch(/^curl /)
          const statuses = await section.locator('table').last().locator('tbody th').allInnerTexts()
          expect(statuses).toEqual(Object.keys(operation.responses))
        }
      // Every link of the page leads to a section of it, or to the document.
      const links = await page.locator('a').evaluateAll('(links) => links.map((link) => link.getAttribute("href"))')
      for (const link of new Set(links as string[])) {
        if (link === 'openapi.json') continue
        expect(await page.locator(link).count(), link).toBe(1)
      }
    } finally {
      await browser.close()
    }
  })

  it.each(['light', 'dark'] as const)('has its style, and enough contrast, in %s', async (colorScheme) => {
    const browser = await startChromium()
    try {
      const page = await browser.newPage({ colorScheme })
      await page.goto(`http://${gateway.http}/docs`)
      const contrasts = await contrastsOf(page)
      expect(contrasts.length).toBeGreaterThan(20)
      expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([])
      expect(await page.evaluate('getComputedStyle(document.body).display')).toBe('grid')
    } finally {
      await browser.close()
    }
  })

  it('can be used by keyboard: first the skip link, and wide tables scroll', async () => {
    const browser = await startChromium()
    try {
      const page = await browser.newPage({ viewport: { width: 390, height: 800 } })
      await page.goto(`http://${gateway.http}/docs`)
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    } finally {
      await browser.close()
    }
  })
})
