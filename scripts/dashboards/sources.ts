import type { Dashboard } from './dashboard.ts'
import { quantiles, rateBy, sumBy } from './queries.ts'

const OF_SOURCE = ', source=~"$source"'

/** Each source, its servers and its pools. */
export const sources: Dashboard = {
  uid: 'flightgate-sources',
  title: 'flightgate: sources and pools',
  description: 'Health, slots, queue, connections and breakers of each source.',
  variables: { source: { label: 'source', metric: 'flightgate_slots' } },
  rows: [
    {
      title: 'Health',
      panels: [
        {
          title: 'Answers',
          description: '1 while the source answers the health checks of all replicas.',
          unit: 'none',
          targets: [{ expr: `min by (source) (flightgate_source_up{$sel${OF_SOURCE}})`, legend: '{{source}}' }],
          alert: 'FlightgateSourceDown',
        },
        {
          title: 'Breakers open',
          description: 'Processes whose circuit breaker of the address is open or half-open.',
          unit: 'none',
          targets: [sumBy('flightgate_breaker_open', 'source, address', OF_SOURCE)],
          alert: 'FlightgateBreakerOpen',
        },
        {
          title: 'Retries',
          description: 'Calls that were retried before their first response, by the address of the retry.',
          unit: 'reqps',
          targets: [rateBy('flightgate_upstream_retries_total', 'source, address', OF_SOURCE)],
        },
        {
          title: 'Failures of the source',
          description: 'Statements that failed at the source, by code.',
          unit: 'reqps',
          targets: [
            rateBy(
              'flightgate_statements_total',
              'source, outcome',
              `${OF_SOURCE}, outcome=~"SOURCE_UNAVAILABLE|UPSTREAM_.*"`,
            ),
          ],
          stack: true,
          alert: 'FlightgateErrorBudgetBurnFast',
        },
      ],
    },
    {
      title: 'Slots and queue',
      panels: [
        {
          title: 'Statements beside slots',
          description:
            'Statements in flight, and the slots of the source: fewer than maxStreams while its server is overloaded.',
          unit: 'none',
          targets: [
            { ...sumBy('flightgate_statements_in_flight', 'source', OF_SOURCE), legend: '{{source}} in flight' },
            { ...sumBy('flightgate_slots', 'source', OF_SOURCE), legend: '{{source}} slots' },
          ],
        },
        {
          title: 'Waiting statements',
          description: 'Statements that wait for a slot.',
          unit: 'none',
          targets: [sumBy('flightgate_queued_statements', 'source', OF_SOURCE)],
          thresholds: [10, 50],
          alert: 'FlightgateQueueGrowing',
        },
        {
          title: 'Time in the queue',
          description: 'Time that statements waited for a slot.',
          unit: 's',
          targets: quantiles('flightgate_queue_wait_seconds', 'source', OF_SOURCE),
          exemplars: true,
          alert: 'FlightgateQueueGrowing',
        },
        {
          title: 'Refused by the queue',
          description: 'Statements that found the queue full, or waited too long.',
          unit: 'reqps',
          targets: [
            rateBy(
              'flightgate_statements_total',
              'source, outcome',
              `${OF_SOURCE}, outcome=~"QUEUE_FULL|QUEUE_TIMEOUT"`,
            ),
          ],
          alert: 'FlightgateQueueRefusing',
        },
      ],
    },
    {
      title: 'Connections',
      panels: [
        {
          title: 'Connections by state',
          description: 'idle and in_use; waiting counts calls that wait for one.',
          unit: 'none',
          targets: [sumBy('flightgate_pool_connections', 'source, address, state', OF_SOURCE)],
          stack: true,
          alert: 'FlightgatePoolExhausted',
        },
        {
          title: 'Time to get a connection',
          description: 'Including connect and login.',
          unit: 's',
          targets: quantiles('flightgate_pool_acquire_seconds', 'source', OF_SOURCE),
          alert: 'FlightgatePoolExhausted',
        },
        {
          title: 'Connections opened and closed',
          description: 'Opened ones, and closed ones by reason.',
          unit: 'ops',
          targets: [
            { ...rateBy('flightgate_pool_created_total', 'source', OF_SOURCE), legend: '{{source}} opened' },
            rateBy('flightgate_pool_destroyed_total', 'source, reason', OF_SOURCE),
          ],
        },
        {
          title: 'Buffered for slow consumers',
          description: 'Bytes that wait for clients that have stopped reading, in memory and on disk.',
          unit: 'bytes',
          targets: [sumBy('flightgate_slow_reader_bytes', 'source, place', OF_SOURCE)],
          stack: true,
          thresholds: [5e8, 1e9],
          alert: 'FlightgateSlowConsumers',
        },
      ],
    },
    {
      title: 'BigQuery',
      panels: [
        {
          title: 'Jobs by outcome',
          description: 'Jobs that have ended.',
          unit: 'ops',
          targets: [rateBy('flightgate_bigquery_jobs_total', 'source, outcome', OF_SOURCE)],
        },
        {
          title: 'Time of jobs',
          description: 'From sending a job until its result was ready.',
          unit: 's',
          targets: quantiles('flightgate_bigquery_job_seconds', 'source', OF_SOURCE),
        },
        {
          title: 'Results by path',
          description: 'inline, rest, storage, and fallback from storage to rest.',
          unit: 'ops',
          targets: [rateBy('flightgate_bigquery_results_total', 'source, path', OF_SOURCE)],
        },
        {
          title: 'Processed and billed bytes',
          description: 'As BigQuery tells.',
          unit: 'Bps',
          targets: [
            {
              ...rateBy('flightgate_bigquery_processed_bytes_total', 'source', OF_SOURCE),
              legend: '{{source}} processed',
            },
            { ...rateBy('flightgate_bigquery_billed_bytes_total', 'source', OF_SOURCE), legend: '{{source}} billed' },
          ],
        },
      ],
    },
  ],
}
