import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, startChromium } from './chromium.ts'
import { openConsole } from './console-page.ts'
import { contrastsOf } from './contrasts.ts'
import { GatewayProcess } from './gateway-process.ts'
import { runningQueries } from './http-client.ts'
import { longestTaskMs } from './longest-task.ts'

/** Takes DuckDB for hours. */
const endless = 'SELECT count(*) AS endless FROM range(10000000) AS a, range(10000000) AS b'
const large = "SELECT range AS id, 'comment ' || range AS comment, range / 4 AS quarter FROM range(100000)"

/** Counts the frames that the page draws. */
const watchFrames = `window.drawn = 0
  const draw = () => { drawn++; requestAnimationFrame(draw) }
  requestAnimationFrame(draw)`

/** A script that tells whether the first such element is wider than its place. */
const isWide = (selector: string) =>
  `(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('${selector}'))`

describe.skipIf(!hasChromium())('the console in Chromium: the query box', () => {
  let gateway: GatewayProcess
  let browser: Browser
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', sample: { tpch: 0.01 } } } })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser.close()
    expect(await gateway.stop()).toBe(0)
  })

  async function openQuery() {
    const opened = await openConsole(browser, gateway)
    await opened.page.getByRole('link', { name: 'Query' }).click()
    await opened.page.getByRole('heading', { level: 1, name: 'Query' }).waitFor()
    return opened
  }
  async function run(page: Page, query: string): Promise<void> {
    await page.getByLabel('SQL').fill(query)
    await page.keyboard.press('Control+Enter')
  }
  const section = (page: Page) => page.getByRole('region', { name: /^Result, / })

  it('without API keys asks for no login, and streams 100,000 rows while the page goes on', async () => {
    const { page, complaints } = await openQuery()
    await page.evaluate(watchFrames)
    const longestMs = await longestTaskMs(browser, page, async () => {
      await run(page, large)
      await page.getByText('100,000 rows', { exact: false }).first().waitFor()
      await page.getByRole('button', { name: 'Download CSV' }).waitFor()
    })
    expect(await page.evaluate('drawn')).toBeGreaterThan(5)
    expect(longestMs).toBeLessThan(300)

    // Only rows in sight are drawn, and each can be reached.
    expect(await page.locator('.result tbody tr').count()).toBeLessThan(100)
    const table = section(page).getByRole('table')
    expect(await table.getAttribute('aria-rowcount')).toBe('100001')
    await section(page).focus()
    await page.keyboard.press('End')
    await page.getByRole('rowheader', { name: '100000', exact: true }).waitFor()
    expect(await page.getByRole('row').filter({ hasText: 'comment 99999' }).count()).toBe(1)
    expect(await page.getByRole('columnheader').allInnerTexts()).toEqual([
      expect.anything(),
      'id\nint64',
      'comment\nstring',
      'quarter\ndouble',
    ])
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('shows wide rows, values of all kinds and equal names; a long value opens in whole, by keyboard', async () => {
    const { page, complaints } = await openQuery()
    await run(
      page,
      `SELECT NULL AS v, '' AS v, 'null' AS v, 30872::DECIMAL(15, 2) AS d, 12345678901234567890.1::DECIMAL(38, 2) AS e,
        TIMESTAMP '2024-02-29 12:34:56.789' AS t, {'a': [1, NULL]} AS n, repeat('long ', 30000) || 'end' AS s`,
    )
    const cells = section(page).getByRole('row').nth(1).getByRole('cell')
    await cells.first().waitFor()
    const texts = await cells.allInnerTexts()
    expect(texts.slice(0, 7)).toEqual([
      'null',
      '',
      'null',
      '30872.00',
      '12345678901234567890.10',
      expect.stringMatching(/^2024-02-29.12:34:56\.789/),
      '{"a":[1,null]}',
    ])
    expect(await cells.nth(0).getAttribute('class')).toContain('null')
    expect((await cells.nth(2).getAttribute('class')) ?? '').not.toContain('null')
    expect(texts[7]).toMatch(/^(long )+….?$/)
    const long = cells.nth(7).getByRole('button')
    await long.press('Enter')
    const dialog = page.getByRole('dialog', { name: 's' })
    await dialog.getByText('150,003 characters, of which the first 100,000 are shown').waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.count()).toBe(0)

    const wide = Array.from({ length: 200 }, (_, i) => `range + ${i} AS column_${i}`).join(', ')
    const longestMs = await longestTaskMs(browser, page, async () => {
      await run(page, `SELECT ${wide} FROM range(5000)`)
      await page.getByText('5,000 rows').first().waitFor()
      await page.getByRole('button', { name: 'Download CSV' }).waitFor()
      await section(page).focus()
      await page.keyboard.press('End')
      await page.getByRole('rowheader', { name: '5000', exact: true }).waitFor()
      // Only columns in sight are drawn, and each can be reached.
      expect(await section(page).getByRole('table').getAttribute('aria-colcount')).toBe('201')
      expect(await page.getByRole('columnheader').count()).toBeLessThan(60)
      await page.evaluate('document.querySelector(".result").scrollLeft = 1e6')
      await page.getByRole('columnheader', { name: 'column_199' }).waitFor()
      expect(await page.getByRole('row').last().getByRole('cell', { name: '5198', exact: true }).count()).toBe(1)
    })
    expect(longestMs).toBeLessThan(300)
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('tells what a statement would read before it runs, and its advice', async () => {
    const { page } = await openQuery()
    await page.getByLabel('SQL').fill('SELECT * FROM lineitem')
    await page.getByRole('button', { name: 'Estimate' }).click()
    const estimate = page.getByRole('region', { name: 'Estimate' })
    await estimate.getByText('demo.main.lineitem', { exact: true }).waitFor()
    expect(await estimate.innerText()).toMatch(/Reads\s+[\d.]+ [KM]iB/)
    expect(await page.getByRole('heading', { name: 'Result' }).count()).toBe(0)
    await page.context().close()
  })

  it('asks before it runs what costs money; "Do not run it" runs nothing', async () => {
    const { page } = await openQuery()
    await page.route('**/api/v1/estimate-cost', async (route) => {
      const answer = await (await route.fetch()).json()
      await route.fulfill({ json: { ...answer, cost_usd: 1.25, billable_bytes: 2 ** 40 } })
    })
    await run(page, 'SELECT 42 AS answer')
    await page.getByText('The statement will cost about $1.25.').waitFor()
    await page.getByRole('button', { name: 'Do not run it' }).click()
    expect(await page.getByRole('heading', { name: 'Result' }).count()).toBe(0)
    await run(page, 'SELECT 42 AS answer')
    // The focus is on the button that runs it.
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('Run it for $1.25')
    await page.keyboard.press('Enter')
    await page.getByRole('cell', { name: '42', exact: true }).waitFor()
    await page.context().close()
  })

  it('shows an error in the words of the gateway, with its place', async () => {
    const { page } = await openQuery()
    await run(page, 'SELECT * FROM no_such_table')
    const alert = page.getByRole('alert')
    await alert.getByText('no_such_table does not exist').waitFor()
    expect(await alert.innerText()).toMatch(/UNKNOWN_OBJECT, line 1, column 15, request [0-9a-f-]{36}/)
    // An error in the middle of a result.
    await run(page, "SELECT CASE WHEN range = 90000 THEN error('broken at 90000') ELSE range END FROM range(100000)")
    await alert.getByText('broken at 90000').waitFor()
    await page.context().close()
  })

  it('a cancelled statement ends at the gateway', async () => {
    const { page } = await openQuery()
    await run(page, endless)
    await expect.poll(async () => (await runningQueries(gateway)).length).toBe(1)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await expect.poll(async () => (await runningQueries(gateway)).length).toBe(0)
    await page.getByText('cancelled', { exact: true }).waitFor()
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('sql')
    await page.context().close()
  })

  it('shows so many rows and says so; the rest can be downloaded', async () => {
    const { page } = await openQuery()
    await run(page, 'SELECT range AS id FROM range(400000)')
    await page.getByText('The console shows the first 250,000 rows and has ended the statement.').waitFor()
    await expect.poll(async () => (await runningQueries(gateway)).length).toBe(0)
    await page.context().close()
  })

  it('a download holds all rows, as CSV and Arrow; the statement is in no address', async () => {
    const { page, complaints } = await openQuery()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.evaluate('delete window.showSaveFilePicker; window.showSaveFilePicker = undefined')
    await run(page, large)
    for (const [name, file] of [
      ['Download CSV', 'result.csv'],
      ['Download Arrow', 'result.arrows'],
    ] as const) {
      const button = page.getByRole('button', { name })
      await button.waitFor()
      const [saved] = await Promise.all([page.waitForEvent('download'), button.click()])
      expect(saved.suggestedFilename()).toBe(file)
      const content = readFileSync(await saved.path())
      if (file === 'result.csv') {
        const lines = content.toString().split('\r\n')
        expect([lines.length, lines[0], lines[100_000]]).toEqual([
          100_002,
          'id,comment,quarter',
          '99999,comment 99999,24999.75',
        ])
      } else expect(content.subarray(-8).toString('hex')).toBe('ffffffff00000000')
    }
    expect(asked.filter((url) => /range|SELECT/i.test(url))).toEqual([])
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('a download goes to a file as it comes where the browser can do that, and drops the file if it breaks off', async () => {
    const { page } = await openQuery()
    await page.evaluate(`window.file = { bytes: 0, ends: [] }
      window.showSaveFilePicker = async (options) => ({
        createWritable: async () => ({
          write: async (chunk) => { file.name = options.suggestedName; file.bytes += chunk.length },
          close: async () => { file.ends.push('closed') },
          abort: async () => { file.ends.push('dropped') },
        }),
      })`)
    await run(page, large)
    await page.getByRole('button', { name: 'Download CSV' }).click()
    await expect.poll(() => page.evaluate('file.ends.join()')).toBe('closed')
    expect(await page.evaluate('file.name')).toBe('result.csv')
    expect(await page.evaluate('file.bytes')).toBeGreaterThan(2_000_000)
    await page.route('**/api/v1/stream', (route) => route.abort())
    await page.getByRole('button', { name: 'Download Arrow' }).click()
    await page.getByRole('alert').waitFor()
    await expect.poll(() => page.evaluate('file.ends.join()')).toBe('closed,dropped')
    await page.context().close()
  })

  it('names its parts for those who do not see it, and has enough contrast', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await openConsole(browser, gateway, { colorScheme })
      await page.getByRole('link', { name: 'Query' }).click()
      await run(page, "SELECT 1 AS one, NULL AS nothing, 'text' AS text")
      await page.getByRole('cell', { name: 'text' }).waitFor()
      for (const role of ['main', 'navigation', 'banner'] as const) expect(await page.getByRole(role).count()).toBe(1)
      await page.getByRole('combobox', { name: 'Source' }).selectOption('demo')
      expect((await contrastsOf(page)).filter(({ ratio }) => ratio < 4.5)).toEqual([])
      await page.context().close()
    }
  })

  it('statements that have ended show there, with their time split, also as a text', async () => {
    const { page, complaints } = await openConsole(browser, gateway)
    await page.getByLabel('Outcome').selectOption('FAILED')
    const failed = page.getByRole('row').filter({ hasText: 'no_such_table' })
    await failed.getByText('UNKNOWN_OBJECT').waitFor()
    await failed.getByRole('button').click()
    // A long message wraps, though the dialog is in a cell.
    await page.getByText('no_such_table does not exist').waitFor()
    expect(await page.evaluate(isWide('dialog dd'))).toBe(false)
    await page.keyboard.press('Escape')
    await page.getByLabel('Outcome').selectOption('OK')
    const row = page.getByRole('row').filter({ hasText: "'comment ' || range" }).first()
    await row.getByText('OK', { exact: true }).waitFor()
    expect(await row.locator('.time-bar').textContent()).toMatch(/plan [\d.]+ m?s.*first byte [\d.]+ m?s/)
    expect(await row.getByRole('cell').nth(7).innerText()).toBe('100,000')
    await row.getByRole('button').click()
    const dialog = page.getByRole('dialog', { name: 'Statement' })
    await dialog.getByText('Request id').waitFor()
    expect(await page.evaluate(isWide('dialog'))).toBe(false)
    await page.keyboard.press('Escape')
    expect((await contrastsOf(page)).filter(({ ratio }) => ratio < 4.5)).toEqual([])
    expect(complaints).toEqual([])
    await page.context().close()
  })
})
