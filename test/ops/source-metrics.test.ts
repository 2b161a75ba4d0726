import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { SourceMetricsRegistry } from '../../src/ops/source-metrics.ts'

const facts = { name: 'flightgate_things', help: 'Things of a source, by colour.', labelNames: ['colour'] }

/** The series of the metric, without HELP and TYPE lines. */
async function seriesOf(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

it('sources that declare the same metric share it, each with its own series', async () => {
  const registry = new Registry()
  const metrics = new SourceMetricsRegistry(registry)
  const [a, b] = ['a', 'b'].map((name) => metrics.of(name).counter({ ...facts, name: 'flightgate_things_total' }))
  a!('red').inc()
  b!('red').inc(2)
  a!('red').inc()
  expect(await seriesOf(registry)).toEqual([
    'flightgate_things_total{source="a",colour="red"} 2',
    'flightgate_things_total{source="b",colour="red"} 2',
  ])
})

it('readings are taken at each scrape: equal labels are added up, vanished ones left out', async () => {
  const registry = new Registry()
  const metrics = new SourceMetricsRegistry(registry)
  let things = ['red', 'red', 'blue']
  metrics.of('none').reading(facts, () => [])
  metrics.of('a').reading(facts, () => things.map((colour) => [1, colour] as const))
  metrics.of('b').reading(facts, () => [[5, 'red']])
  expect(await seriesOf(registry)).toEqual([
    'flightgate_things{source="a",colour="red"} 2',
    'flightgate_things{source="a",colour="blue"} 1',
    'flightgate_things{source="b",colour="red"} 5',
  ])
  things = []
  expect(await seriesOf(registry)).toEqual(['flightgate_things{source="b",colour="red"} 5'])
})
