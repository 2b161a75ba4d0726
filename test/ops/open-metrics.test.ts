import { Counter, Gauge, Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { exemplarHistogram } from '../../src/ops/metrics/exemplar-histogram.ts'
import { openMetricsText, prefersOpenMetrics } from '../../src/ops/metrics/open-metrics.ts'

it('writes counters, gauges and histograms, and exemplars of spans that are exported', async () => {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'calls_total', help: 'Calls.', labelNames: ['code'], registers }).inc({ code: 'a"b\\c\nd' }, 2)
  new Counter({ name: 'odd', help: 'A counter\nwith an old name.', registers }).inc()
  new Gauge({ name: 'level', help: 'Level.', registers }).set(Number.POSITIVE_INFINITY)
  const observe = exemplarHistogram({
    name: 'wait_seconds',
    help: 'Wait.',
    label: 'source',
    buckets: [0.1, 1],
    registers,
  })
  observe('lake', 0.05)
  observe('lake', 0.5, { traceId: 't1', spanId: 's1', isSampled: true })
  observe('lake', 0.7, { traceId: 't2', spanId: 's2', isSampled: false })
  observe('lake', 7, { traceId: 't3', spanId: 's3', isSampled: true })
  const text = (await openMetricsText(registry)).replace(/ \d{10}\.\d{3}$/gm, ' TIME')
  expect(text.split('\n')).toEqual([
    '# TYPE calls counter',
    '# HELP calls Calls.',
    'calls_total{code="a\\"b\\\\c\\nd"} 2',
    '# TYPE odd unknown',
    '# HELP odd A counter\\nwith an old name.',
    'odd 1',
    '# TYPE level gauge',
    '# HELP level Level.',
    'level +Inf',
    '# TYPE wait_seconds histogram',
    '# HELP wait_seconds Wait.',
    'wait_seconds_bucket{le="0.1",source="lake"} 1',
    'wait_seconds_bucket{le="1",source="lake"} 3 # {trace_id="t1",span_id="s1"} 0.5 TIME',
    'wait_seconds_bucket{le="+Inf",source="lake"} 4 # {trace_id="t3",span_id="s3"} 7 TIME',
    'wait_seconds_sum{source="lake"} 8.25',
    'wait_seconds_count{source="lake"} 4',
    '# EOF',
    '',
  ])
  // Prometheus' own format is as it was.
  expect(await registry.metrics()).toContain('calls_total{code="a\\"b\\\\c\\nd"} 2')
})

it.each([
  [undefined, false],
  ['*/*', false],
  ['text/plain', false],
  ['application/openmetrics-text', true],
  ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4', true],
  ['text/plain;q=0.9, application/openmetrics-text;q=0.1', false],
  ['application/openmetrics-text;q=0', false],
])('the header accept: %s', (accept, expected) => {
  expect(prefersOpenMetrics(accept)).toBe(expected)
})
