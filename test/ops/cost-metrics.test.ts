import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { CostMetrics } from '../../src/ops/cost-metrics.ts'
import { PrincipalLabels } from '../../src/ops/metrics/principal-labels.ts'

it('the number of principals in metrics is bounded: further ones count together', async () => {
  const registry = new Registry()
  const metrics = new CostMetrics(registry, new PrincipalLabels())
  for (let i = 0; i < 1000; i++) metrics.onSettled('wh', `principal-${i}`, 1, 10)
  metrics.onSettled('wh', 'principal-0', 1, 10)
  const { values } = await registry.getSingleMetric('flightgate_principal_cost_usd_total')!.get()
  expect(values).toHaveLength(201)
  const costOf = (name: string) => values.find(({ labels }) => labels['principal'] === name)?.value
  expect([costOf('principal-0'), costOf('(other)')]).toEqual([2, 800])
})
