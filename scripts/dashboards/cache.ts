import type { Dashboard } from './dashboard.ts'
import { rateBy, sumBy } from './queries.ts'

const OF_SOURCE = ', source=~"$source"'
const hits =
  'sum by (source) (rate(flightgate_cache_requests_total{$sel, source=~"$source", result=~"HIT|STALE"}[$__rate_interval]))'
const all = 'sum by (source) (rate(flightgate_cache_requests_total{$sel, source=~"$source"}[$__rate_interval]))'

/** The result cache. */
export const cache: Dashboard = {
  uid: 'flightgate-cache',
  title: 'flightgate: cache',
  description: 'What the result cache answers, why it does not, what it holds, and the level in Redis.',
  variables: { source: { label: 'source', metric: 'flightgate_cache_requests_total' } },
  rows: [
    {
      title: 'Answers',
      panels: [
        {
          title: 'Hit ratio',
          description: 'Share of reads that the cache answered.',
          unit: 'percentunit',
          targets: [{ expr: `${hits} / (${all} > 0)`, legend: '{{source}}' }],
        },
        {
          title: 'Reads by what the cache did',
          description: 'HIT, STALE, MISS, BYPASS.',
          unit: 'reqps',
          targets: [rateBy('flightgate_cache_requests_total', 'result', OF_SOURCE)],
          stack: true,
        },
        {
          title: 'Why it did not apply',
          description: 'Reads that bypassed the cache, by reason.',
          unit: 'reqps',
          targets: [rateBy('flightgate_cache_bypasses_total', 'reason')],
          stack: true,
        },
        {
          title: 'Shared runs',
          description: 'Reads that shared the run of another statement that was under way.',
          unit: 'reqps',
          targets: [rateBy('flightgate_cache_collapsed_total', 'source', OF_SOURCE)],
        },
        {
          title: 'Plans',
          description: 'Plans that the plan cache may keep: a HIT makes no call to the engine.',
          unit: 'reqps',
          targets: [rateBy('flightgate_plan_cache_requests_total', 'result', OF_SOURCE)],
          stack: true,
        },
      ],
    },
    {
      title: 'Contents',
      panels: [
        {
          title: 'Memory',
          description: 'Results in the cache of each replica, at most cache.maxBytes for each process.',
          unit: 'bytes',
          targets: [sumBy('flightgate_cache_bytes', 'instance')],
        },
        {
          title: 'Results',
          description: 'Number of results in the cache of each replica.',
          unit: 'none',
          targets: [sumBy('flightgate_cache_entries', 'instance')],
        },
        {
          title: 'Stored',
          description: 'Results that the cache stored.',
          unit: 'ops',
          targets: [rateBy('flightgate_cache_stored_total', 'source', OF_SOURCE)],
        },
        {
          title: 'Evictions',
          description: 'Results that left the cache, by reason.',
          unit: 'ops',
          targets: [rateBy('flightgate_cache_evictions_total', 'reason')],
          stack: true,
        },
      ],
    },
    {
      title: 'The level in Redis',
      panels: [
        {
          title: 'Answers',
          description: '1 while the level in Redis answers the replica.',
          unit: 'none',
          targets: [{ expr: 'min by (instance) (flightgate_cache_shared_up{$sel})', legend: '{{instance}}' }],
          alert: 'FlightgateSharedCacheDown',
        },
        {
          title: 'Reads',
          description: 'Reads that the memory did not answer: hit, joined (a run of another process), miss.',
          unit: 'reqps',
          targets: [rateBy('flightgate_cache_shared_reads_total', 'outcome')],
          stack: true,
        },
        {
          title: 'Written',
          description: 'Bytes written to Redis.',
          unit: 'Bps',
          targets: [rateBy('flightgate_cache_shared_written_bytes_total', 'instance')],
        },
        {
          title: 'Errors',
          description: 'Calls that failed or took too long.',
          unit: 'ops',
          targets: [rateBy('flightgate_cache_shared_errors_total', 'instance')],
          alert: 'FlightgateSharedCacheDown',
        },
      ],
    },
  ],
}
