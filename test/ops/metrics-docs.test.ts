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

it('of several workers, gauges that tell a state, a time or a budget are never summed up', async () => {
  const state = /_(up|ready|breaker_open|draining|info|success|ratio|timestamp_seconds)$|_budget_|_forecast_/
  // The primary alone has those of the configuration.
  const gauges = (await metricFacts()).filter(
    ({ name, type }) => type === 'gauge' && state.test(name) && /^flightgate_(?!config_)/.test(name),
  )
  expect(gauges.length).toBeGreaterThan(12)
  expect(gauges.filter(({ aggregator }) => aggregator === 'sum').map(({ name }) => name)).toEqual([])
})
