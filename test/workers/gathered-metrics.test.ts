import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { RedisMetrics } from '../../src/ops/metrics/redis-metrics.ts'
import { type MetricJson, textOfProcesses } from '../../src/ops/processes/process-metrics.ts'
import { SourceMetricsRegistry } from '../../src/ops/source-metrics.ts'
import { poolMetrics } from '../../src/sources/flightsql/metrics.ts'
import { GatheredMetrics } from '../../src/workers/gathered-metrics.ts'

/** The metrics of a process in which some calls have ended. */
async function metricsOf(calls: number, isUp = 1): Promise<readonly MetricJson[]> {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'calls_total', help: 'h', labelNames: ['code'], registers }).inc({ code: 'OK' }, calls)
  const seconds = new Histogram({ name: 'seconds', help: 'h', buckets: [1, 2], registers })
  for (let i = 0; i < calls; i++) seconds.observe(1.5)
  new Gauge({ name: 'connections', help: 'h', registers }).set(calls)
  new Gauge({ name: 'up', help: 'h', aggregator: 'min', registers }).set(isUp)
  new Gauge({ name: 'process_heap_bytes', help: 'h', registers }).set(calls)
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricJson[]
}

/** The gauges of a process that tell whether something works. */
async function statesOf(isUp: boolean): Promise<readonly MetricJson[]> {
  const registry = new Registry()
  const breakers = () => [{ use: 'quotas', isOpen: !isUp }]
  new RedisMetrics(registry).readGauges({ isRedisUp: () => isUp, breakers })
  const pools = [{ name: 'one:1', state: isUp ? 'closed' : 'open', pool: { stats: { idle: 1, inUse: 0, waiting: 0 } } }]
  poolMetrics(new SourceMetricsRegistry(registry).of('lake'), () => pools as never)
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricJson[]
}

describe('metrics of several workers', () => {
  const gatherer = new GatheredMetrics(async () => [])
  const answers = async (number: number, calls: number, isUp = 1) => {
    const metrics = await metricsOf(calls, isUp)
    return { number, ask: (question: number) => gatherer.answered(question, metrics) }
  }
  const textOf = async (...workers: Parameters<GatheredMetrics['gather']>[0]) =>
    (await textOfProcesses(await gatherer.gather(workers))).body

  it('counts and gauges are summed up; metrics of the runtime have the worker as a label', async () => {
    const text = await textOf(await answers(1, 3), await answers(2, 4, 0))
    expect(text).toContain('calls_total{code="OK"} 7')
    expect(text).toContain('seconds_bucket{le="2"} 7')
    expect(text).toContain('seconds_sum 10.5')
    expect(text).toContain('connections 7')
    expect(text).toContain('up 0')
    expect(text).toContain('process_heap_bytes{worker="1"} 3')
    expect(text).toContain('process_heap_bytes{worker="2"} 4')
  })

  it('a worker that does not answer in time counts as it did last, without its gauges', async () => {
    const text = await textOf({ number: 1, ask() {} }, await answers(2, 5))
    expect(text).toContain('calls_total{code="OK"} 8')
    expect(text).toContain('connections 5')
  })

  it('a worker that ends keeps its counts; its successor adds to them', async () => {
    gatherer.ended(1)
    expect(await textOf(await answers(2, 5))).toContain('calls_total{code="OK"} 8')
    const text = await textOf(await answers(1, 1), await answers(2, 6))
    expect(text).toContain('calls_total{code="OK"} 10')
    expect(text).toContain('seconds_bucket{le="2"} 10')
    expect(text).toContain('connections 7')
    gatherer.ended(1)
    expect(await textOf(await answers(2, 6))).toContain('calls_total{code="OK"} 10')
  })
})

it.each([
  [[true, true], { redisUp: 1, open: 0 }],
  [[true, false], { redisUp: 0, open: 1 }],
  [[false, false], { redisUp: 0, open: 1 }],
])('states are not summed up: workers that reach their servers: %j', async (workers, { redisUp, open }) => {
  const gatherer = new GatheredMetrics(async () => [])
  const asked = workers.map(async (isUp, number) => {
    const metrics = await statesOf(isUp)
    return { number, ask: (question: number) => gatherer.answered(question, metrics) }
  })
  const text = (await textOfProcesses(await gatherer.gather(await Promise.all(asked)))).body
  expect(text).toContain(`flightgate_redis_up ${redisUp}\n`)
  expect(text).toContain(`flightgate_state_breaker_open{use="quotas"} ${open}\n`)
  expect(text).toContain(`flightgate_breaker_open{source="lake",address="one:1"} ${open}\n`)
  expect(text).toContain('flightgate_pool_connections{source="lake",address="one:1",state="idle"} 2')
})
