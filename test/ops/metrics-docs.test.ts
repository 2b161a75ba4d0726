import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { metricFacts, metricsDocs } from '../../scripts/generate-metrics-docs.ts'

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

it('docs/metrics.md matches the metrics registry', async () => {
  expect(page('metrics.md')).toBe(await metricsDocs())
})

it('every metric has a help text of one sentence', async () => {
  const own = (await metricFacts()).filter(({ name }) => name.startsWith('flightgate_'))
  expect(own.length).toBeGreaterThan(20)
  for (const { name, help } of own) expect([name, help]).toEqual([name, expect.stringMatching(/^\S.{20,}[^|\n]*\.$/)])
})

it('only counters have names that end in _total, as promtool requires', async () => {
  const facts = await metricFacts()
  expect(facts.filter(({ name, type }) => name.endsWith('_total') && type !== 'counter')).toEqual([])
})
