import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clearOfMidnight } from '../clear-of-midnight.ts'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { freePort } from '../fakes/servers.ts'
import { waitFor } from '../wait-for.ts'
import { hasChromium, startChromium } from './chromium.ts'
import { openConsole } from './console-page.ts'
import { contrastsOf } from './contrasts.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const BYTES = 400 * 2 ** 30
const keys = [
  { name: 'ann', key: 'key-of-ann', groups: ['team'] },
  { name: 'ben', key: 'key-of-ben' },
  { name: 'root', key: 'key-of-root', roles: ['admin'] },
]
/** Where to put pictures of the views, for people who look at them. */
const pictures = process.env['FLIGHTGATE_PICTURES']

describe.skipIf(!hasChromium())('the console in Chromium: sources, cost and cache', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-console-'))
  let fake: BigQueryFake
  let gateway: GatewayProcess
  let browser: Browser
  beforeAll(async () => {
    await clearOfMidnight('day')
    const column = { name: 'n', type: 'INT64' } as const
    const table = {
      dataset: 'shop',
      name: 't',
      schema: [column],
      rows: [{ f: [{ v: '1' }] }],
      columnBytes: { n: BYTES },
    }
    fake = await startBigQueryFake({ tables: [table] })
    const { endpoint, storageEndpoint } = fake
    const warehouse = { kind: 'bigquery', projectId: 'test-project', location: 'US', anonymous: true }
    gateway = await GatewayProcess.start({
      auth: { apiKeys: keys },
      state: { directory: folder },
      health: { intervalMs: 1000, timeoutMs: 5000 },
      budgets: { monthlyBudgetUsd: 20, dailyBudgetUsd: 12 },
      groups: { team: { budgets: { monthlyBudgetUsd: 5 } } },
      sources: {
        demo: { kind: 'duckdb' },
        wh: { ...warehouse, endpoint, storageEndpoint },
        gone: { kind: 'flightsql', uri: `grpc://127.0.0.1:${await freePort()}` },
      },
      defaultSource: 'demo',
    })
    browser = await startChromium()
    for (const [key, count] of [
      ['key-of-ann', 2],
      ['key-of-ben', 1],
    ] as const)
      for (let i = 0; i < count; i++) await run(key, `SELECT n, '${key} ${i}' AS x FROM shop.t`, 'wh')
    for (let i = 0; i < 6; i++)
      await run('key-of-ann', `SELECT ${i % 3} AS i, repeat('x', ${(i % 3) * 5000}) AS t`, 'demo')
    await run('key-of-ben', 'SELECT * FROM no_such_table', 'demo')
    await waitFor(() => ledger('SUM(nano)')[0]?.value === 3 * billed, 'three bills in the ledger')
  })
  afterAll(async () => {
    await browser.close()
    expect(await gateway.stop()).toBe(0)
    await fake.close()
    rmSync(folder, { recursive: true })
  })

  /** Price of a scan in billionths of a dollar. */
  const billed = Math.round((BYTES / 2 ** 40) * 6.25 * 1e9)
  const run = async (key: string, query: string, source: string) =>
    await jsonOf(postJson(gateway, '/api/v1/query', { query, data_source: source }, { 'x-api-key': key }))
  /** Figures of the ledger's own file. */
  const ledger = (value: string, name = "''"): { name: string; value: number }[] => {
    const db = new DatabaseSync(join(folder, 'ledger.sqlite'), { readOnly: true, timeout: 2000 })
    try {
      const sql = `SELECT ${name} AS name, ${value} AS value FROM usage WHERE grp = '' GROUP BY 1 ORDER BY 2 DESC, 1`
      return db.prepare(sql).all() as never
    } finally {
      db.close()
    }
  }
  /** Dollars of the table with this caption, by the first column. */
  const tableOf = async (page: Page, caption: string) => {
    const rows = await page.getByRole('table', { name: caption }).locator('tbody tr').all()
    return await Promise.all(
      rows.map(async (row) => ({
        name: await row.getByRole('rowheader').innerText(),
        value: Number(await row.locator('data').getAttribute('value')),
      })),
    )
  }
  const open = async (view: string, key = 'key-of-root', options = {}) => {
    const opened = await openConsole(browser, gateway, { key, ...options })
    await opened.page.getByRole('link', { name: view }).click()
    await opened.page.getByRole('heading', { level: 1, name: view }).waitFor()
    return opened
  }
  const picture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
  }

  it('cost: the figures are those of the ledger, beside the budgets and the forecast', async () => {
    const { page, complaints } = await open('Cost')
    const usd = (rows: { name: string; value: number }[]) =>
      rows.map(({ name, value }) => ({ name, value: expect.closeTo(value / 1e9, 9) }))
    await page.getByRole('table', { name: 'Cost by principal' }).waitFor()
    expect(await tableOf(page, 'Cost by principal')).toEqual(usd(ledger('SUM(nano)', 'principal')))
    expect(await tableOf(page, 'Cost by source')).toEqual(usd(ledger('SUM(nano)', 'source')))
    const spent = page.locator('.tiles div').filter({ hasText: 'Spent' })
    expect(Number(await spent.locator('data').getAttribute('value'))).toBeCloseTo((3 * billed) / 1e9, 9)
    expect(await spent.innerText()).toContain('$7.32')
    expect(await page.locator('.tiles div').filter({ hasText: 'Forecast' }).innerText()).toMatch(/\$\d/)

    const budgets = page.getByRole('table', { name: 'Budgets of today and of this month' })
    expect(await tableOf(page, 'Budgets of today and of this month')).toEqual([
      { name: 'the gateway', value: expect.closeTo(7.324, 2) },
      { name: 'the gateway', value: expect.closeTo(7.324, 2) },
      { name: 'group team', value: expect.closeTo(4.883, 2) },
    ])
    expect(await budgets.getByRole('row').filter({ hasText: 'group team' }).innerText()).toContain('98 %')

    // The chart of the days is also there as text and as a table.
    const chart = page.getByRole('img', { name: /^Cost by day/ })
    expect(await chart.getAttribute('aria-label')).toContain('$7.32 at most')
    await page.getByText('Table of Cost by day').click()
    const [{ name: day = '', value = 0 } = {}] = ledger('SUM(nano)', 'day')
    const row = page
      .getByRole('table', { name: /^Cost by day/ })
      .getByRole('row')
      .filter({ hasText: day })
    expect(await row.getByRole('cell').innerText()).toBe(`$${(value / 1e9).toFixed(2)}`)
    await picture(page, 'cost')
    await page.getByLabel('Month').fill('2020-01')
    await page.getByText('No budget applies to this month.').waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  }, 60_000)

  it('cost: a reader sees its own', async () => {
    const { page } = await open('Cost', 'key-of-ben')
    await page.getByRole('table', { name: 'Cost by principal' }).waitFor()
    expect(await tableOf(page, 'Cost by principal')).toEqual([{ name: 'ben', value: expect.closeTo(billed / 1e9, 9) }])
    expect(await page.locator('main').innerText()).not.toContain('ann')
    await page.context().close()
  })

  it('sources: health, breaker, slots and the last hour of each', async () => {
    const { page, complaints } = await open('Sources', 'key-of-ben')
    const table = page.getByRole('table', { name: 'Sources now, and their figures of the last hour' })
    await table.getByRole('row').filter({ hasText: 'gone' }).getByText('down').waitFor()
    const row = table.getByRole('row').filter({ hasText: 'demo' })
    // The gateway takes a sample each 10 s, and the page asks each 10 s.
    const cell = (i: number) => expect.poll(() => row.getByRole('cell').nth(i).innerText(), { timeout: 60_000 })
    await cell(7).toBe('7')
    await cell(8).toBe('1')
    await cell(1).toBe('up')
    const charts = (name: RegExp) => expect.poll(() => page.getByRole('img', { name }).count(), { timeout: 60_000 })
    for (const name of ['Slots and queue', 'Statements in 30 s', 'Bytes a second'])
      await charts(new RegExp(`^${name}`)).toBe(3)
    await charts(/^Connection pool/).toBeGreaterThan(0)
    await charts(/^Down, or with an open breaker/).toBe(1)
    const missing = async () => (await page.locator('figure.chart').count()) - (await page.locator('canvas').count())
    await expect.poll(missing).toBe(0)
    await page.getByText('Table of Slots and queue').first().click()
    await page.getByRole('table', { name: 'Slots and queue' }).waitFor()
    await picture(page, 'sources')
    expect(complaints).toEqual([])
    await page.context().close()
  }, 180_000)

  it('cache: hit ratio, the largest entries, and an operator clears them by source', async () => {
    const { page, complaints } = await open('Cache')
    const ratio = page.locator('.tiles div').filter({ hasText: 'Hit ratio' })
    await expect.poll(() => ratio.innerText(), { timeout: 60_000 }).toContain('3 hits')
    const entries = page.getByRole('table', { name: 'Entries of the result cache' })
    await expect.poll(() => entries.locator('tbody tr').first().innerText()).toContain('SELECT 2 AS i')
    await page.getByLabel('Order').selectOption('hits')
    await entries.getByRole('row').filter({ hasText: 'SELECT 1 AS i' }).waitFor()
    await picture(page, 'cache')
    await page.getByRole('combobox', { name: 'Source' }).selectOption('demo')
    await page.getByRole('button', { name: 'Clear entries' }).click()
    const dialog = page.getByRole('dialog', { name: 'Clear the cache?' })
    expect(await dialog.innerText()).toContain('Entries of demo are dropped')
    // It shows for some seconds.
    const told = page.getByRole('status').getByText('Cleared 3 entries').waitFor()
    await Promise.all([told, dialog.getByRole('button', { name: 'Clear' }).click()])
    await entries.getByRole('row').filter({ hasText: 'SELECT 2 AS i' }).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await page.context().close()
  }, 180_000)

  it('cache: a reader sees the hit ratio, and no entries of others', async () => {
    const { page } = await open('Cache', 'key-of-ben')
    await page.getByText('The entries are for operators.').waitFor()
    expect(await page.locator('main').innerText()).not.toContain('SELECT')
    await page.context().close()
  })

  it.each(['light', 'dark'] as const)(
    'has enough contrast in %s, and nothing wider than a small window',
    async (colorScheme) => {
      const { page, complaints } = await open('Sources', 'key-of-root', { colorScheme })
      for (const view of ['Sources', 'Cost', 'Cache']) {
        await page.getByRole('link', { name: view }).click()
        await page.locator('main canvas').first().waitFor()
        const poor = (await contrastsOf(page)).filter(({ ratio }) => ratio < 4.5)
        expect(poor, view).toEqual([])
        if (colorScheme === 'dark') await picture(page, `${view.toLowerCase()}-dark`)
        await page.setViewportSize({ width: 420, height: 800 })
        // Charts follow the width of the window a moment later.
        const fits = () => page.evaluate('document.documentElement.scrollWidth <= innerWidth')
        await expect.poll(fits, { message: view }).toBe(true)
        if (colorScheme === 'light') await picture(page, `${view.toLowerCase()}-narrow`)
        await page.setViewportSize({ width: 1280, height: 800 })
      }
      expect(complaints).toEqual([])
      await page.context().close()
    },
    60_000,
  )
})
