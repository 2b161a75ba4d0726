import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, startChromium } from './chromium.ts'
import { openConsole } from './console-page.ts'
import { contrastsOf } from './contrasts.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'

const keys = [
  { name: 'ada', key: 'key-of-ada', roles: ['admin'] },
  { name: 'rob', key: 'key-of-rob' },
]
/** Takes DuckDB for hours. */
const endless = (name: string) => `SELECT count(*) AS ${name} FROM range(10000000) AS a, range(10000000) AS b`

describe.skipIf(!hasChromium())('the console in Chromium: statements', () => {
  let gateway: GatewayProcess
  let browser: Browser
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ auth: { apiKeys: keys } })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser.close()
    expect(await gateway.stop()).toBe(0)
  })

  const run = (key: string, query: string) => postJson(gateway, '/api/v1/query', { query }, { 'x-api-key': key })

  const rowOf = (page: Page, name: string) =>
    page
      .getByRole('region', { name: /^Running/ })
      .getByRole('row')
      .filter({ hasText: name })

  it('a wrong key is refused in words; the right one opens the console; logging out closes it', async () => {
    const { page, complaints } = await openConsole(browser, gateway)
    await page.getByLabel('API key').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('alert').getByText('The API key, password or token is wrong.').waitFor()
    await page.getByLabel('API key').fill('key-of-rob')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Statements' }).waitFor()
    expect(await page.locator('.who').innerText()).toContain('rob')
    // Neither a script nor another tab of the browser finds the key or the token.
    expect(await page.evaluate('document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toMatch(
      /key-of-rob|fgt_/,
    )
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Statements' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('API key').waitFor()
    await page.reload()
    await page.getByLabel('API key').waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('a statement that runs appears and is killed; its client is told by whom', async () => {
    const { page, complaints } = await openConsole(browser, gateway, { key: 'key-of-ada' })
    await page.getByText('No statement runs.').waitFor()
    const answer = run('key-of-rob', endless('endless'))
    const row = rowOf(page, 'endless')
    await row.getByText('running', { exact: true }).waitFor()
    expect(await row.getByRole('cell').first().innerText()).toBe('rob')

    await page.getByLabel('Filter').fill('nobody')
    await page.getByText('No statement matches the filter.').waitFor()
    await page.getByLabel('Filter').fill('ROB endless')

    await row.getByRole('button', { name: 'Kill the statement of rob at demo' }).click()
    const dialog = page.getByRole('dialog', { name: 'Kill this statement?' })
    await dialog.getByRole('button', { name: 'Keep it' }).click()
    await expect.poll(() => dialog.count()).toBe(0)
    await row.getByRole('button', { name: 'Kill the statement of rob at demo' }).click()
    // It shows for some seconds.
    const told = page.getByRole('status').getByText('The statement of rob has been told to end.').waitFor()
    await Promise.all([told, dialog.getByRole('button', { name: 'Kill' }).click()])
    await row.waitFor({ state: 'detached' })
    expect(await (await answer).json()).toMatchObject({
      code: 'CANCELLED',
      detail: 'The statement was cancelled by the administrator ada.',
    })
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('a reader sees no statement of others', async () => {
    const closing = new AbortController()
    const ofAda = fetch(`http://${gateway.http}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'key-of-ada' },
      body: JSON.stringify({ query: endless('of_ada') }),
      signal: closing.signal,
    }).catch(() => {})
    const admin = await openConsole(browser, gateway, { key: 'key-of-ada' })
    await rowOf(admin.page, 'of_ada').waitFor()
    const reader = await openConsole(browser, gateway, { key: 'key-of-rob' })
    await reader.page.getByText('None of your statements runs.').waitFor()
    expect(await reader.page.locator('body').innerText()).not.toContain('of_ada')
    closing.abort()
    await ofAda
    await admin.page.context().close()
    await reader.page.context().close()
  })

  it('a session that ends asks to log in again, and goes on where it was', async () => {
    const { page } = await openConsole(browser, gateway, { key: 'key-of-rob' })
    await page.getByLabel('Filter').fill('kept')
    await page.context().clearCookies()
    await page.getByText('The session of rob has ended').waitFor()
    await page.getByLabel('API key').fill('key-of-rob')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByLabel('Filter').inputValue()).toBe('kept')
    await page.context().close()
  })

  it('can be used by keyboard alone: skip link, log in, kill, Escape', async () => {
    const answer = run('key-of-ada', endless('by_keyboard'))
    const { page } = await openConsole(browser, gateway)
    const focused = () =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent')
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('key')
    await page.keyboard.type('key-of-ada')
    await page.keyboard.press('Enter')
    const row = rowOf(page, 'by_keyboard')
    await row.waitFor()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    await expect.poll(focused).toBe('Statements')
    const label = 'Kill the statement of ada at demo'
    for (let i = 0; (await focused()) !== label && i < 10; i++) await page.keyboard.press('Tab')
    expect(await focused()).toBe(label)
    // The focus shows, and stays through updates of the table.
    const outline = 'getComputedStyle(document.activeElement).outlineStyle'
    expect(await page.evaluate(outline)).toBe('solid')
    const time = await row.getByRole('cell').nth(5).innerText()
    await expect.poll(() => row.getByRole('cell').nth(5).innerText()).not.toBe(time)
    expect(await focused()).toBe(label)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(focused).toBe(label)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await (await answer).json()).toMatchObject({ code: 'CANCELLED' })
    await page.context().close()
  })

  it.each(['light', 'dark'] as const)('has enough contrast in %s, by the system or by choice', async (colorScheme) => {
    const { page } = await openConsole(browser, gateway, { key: 'key-of-ada', colorScheme })
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor') as Promise<string>
    const isDark = async () => Number(/\d+/.exec(await background())![0]) < 128
    expect(await isDark()).toBe(colorScheme === 'dark')
    const contrasts = await contrastsOf(page)
    expect(contrasts.length).toBeGreaterThan(10)
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([])
    await page.getByLabel('Colours').selectOption(colorScheme === 'dark' ? 'light' : 'dark')
    await expect.poll(isDark).toBe(colorScheme !== 'dark')
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await isDark()).toBe(colorScheme !== 'dark')
    await page.context().close()
  })

  it('is as wide as a telephone: a wide table scrolls by keyboard, and "Kill" is in sight', async () => {
    const answer = run('key-of-ada', endless('on_a_telephone'))
    const { page } = await openConsole(browser, gateway, { key: 'key-of-ada', viewport: { width: 390, height: 800 } })
    const kill = rowOf(page, 'on_a_telephone').getByRole('button', { name: 'Kill the statement of ada at demo' })
    await kill.waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    const { x, width } = (await kill.boundingBox())!
    expect(x + width).toBeLessThanOrEqual(390)
    const box = page.getByRole('group', { name: 'Statements that wait or run, scrolls sideways' })
    await box.focus()
    const before = await rowOf(page, 'on_a_telephone').getByText('ada').boundingBox()
    await page.keyboard.press('ArrowRight')
    await expect
      .poll(async () => (await rowOf(page, 'on_a_telephone').getByText('ada').boundingBox())!.x)
      .toBeLessThan(before!.x)
    await kill.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Kill' }).click()
    expect(await (await answer).json()).toMatchObject({ code: 'CANCELLED' })
    await page.context().close()
  })

  it('asks nothing while its tab is hidden', async () => {
    const { page } = await openConsole(browser, gateway, { key: 'key-of-ada' })
    const hide = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'))`)
    await page.waitForResponse(/\/api\/v1\/queries$/)
    await hide(true)
    let asked = 0
    page.on('request', () => asked++)
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(asked).toBe(0)
    await Promise.all([page.waitForRequest(/\/api\/v1\/queries$/), hide(false)])
    await page.context().close()
  })
})
