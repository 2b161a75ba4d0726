import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PRICES_CHECKED_ON, regionalPrices } from '../../src/cost/pricing/price-list.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/cost.md', import.meta.url)), 'utf8')

it('docs/cost.md has the prices of all locations, and the day on which they were checked', () => {
  const rows = [...page.matchAll(/^\| ([\d.]+) \| (`[^|]+`) \|$/gm)]
  const told = rows.flatMap(([, usd, locations]) =>
    [...locations!.matchAll(/`([^`]+)`/g)].map(([, location]) => ({ location, usdPerTib: Number(usd) })),
  )
  expect(told).toEqual(regionalPrices)
  expect(page).toContain(`as it was on ${PRICES_CHECKED_ON}`)
})
