import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hasChromium, startChromium } from './chromium.ts'
import { openConsole } from './console-page.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub } from './gateway-stub.ts'
import { runningQueries } from './http-client.ts'
import { PricedShop, USD } from './priced-shop.ts'

let shop: PricedShop
let gateway: GatewayProcess
let browser: Browser | undefined

beforeAll(async () => {
  shop = await PricedShop.start(0)
  gateway = await GatewayProcess.start(shop.configOf())
  if (hasChromium()) browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
  expect(await gateway.stop()).toBe(0)
  await shop.fake.close()
})

it('a statement that runs tells what it was expected to cost, over HTTP and gRPC and in the console', async () => {
  const letGo = shop.fake.jobs.hold()
  const answer = shop.query(gateway)
  await expect.poll(() => runningQueries(gateway)).toMatchObject([{ estimated_cost_usd: expect.closeTo(USD, 6) }])
  const stub = new GatewayStub(gateway.flight)
  const { queries } = await stub.unary('listQueries', { dataSource: '', principal: '' })
  stub.close()
  expect(queries).toMatchObject([{ estimatedCostUsd: expect.closeTo(USD, 6) }])
  if (browser) {
    const { page } = await openConsole(browser, gateway)
    await page
      .getByRole('region', { name: /^Running/ })
      .getByRole('cell', { name: '$0.006', exact: true })
      .waitFor()
    await page.context().close()
  }
  letGo()
  expect((await answer).status).toBe(200)
})

it.skipIf(!hasChromium())(
  'the query box asks before it runs what costs money, and tells what it has cost',
  async () => {
    const { page } = await openConsole(browser!, gateway)
    await page.getByRole('link', { name: 'Query' }).click()
    await page.getByLabel('SQL').fill('SELECT n FROM shop.t')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByRole('button', { name: 'Run it for $0.006' }).click()
    await page.getByText('1000 MiB billed · $0.006').waitFor()
    await page.context().close()
  },
)
