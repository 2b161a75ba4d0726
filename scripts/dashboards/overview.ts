import type { Dashboard } from './dashboard.ts'
import { quantiles, rateBy, sumBy } from './queries.ts'

/** What an operator sees first. */
export const overview: Dashboard = {
  uid: 'flightgate-overview',
  title: 'flightgate: overview',
  description: 'Whether flightgate serves its clients: replicas, statements, errors, latency, load.',
  variables: { source: { label: 'source', metric: 'flightgate_slots' } },
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Replicas ready',
          description: 'Replicas that accept statements.',
          unit: 'none',
          targets: [{ expr: 'sum(flightgate_ready{$sel})', legend: 'ready' }],
          thresholds: [1, 2],
          lowIsBad: true,
          alert: 'FlightgateNoReplicaReady',
        },
        {
          kind: 'stat',
          title: 'Sources down',
          description: 'Sources that do not answer the health checks of at least one replica.',
          unit: 'none',
          targets: [{ expr: 'count(min by (source) (flightgate_source_up{$sel}) == 0) or vector(0)', legend: 'down' }],
          thresholds: [1, 1],
          alert: 'FlightgateSourceDown',
        },
        {
          kind: 'stat',
          title: 'Statements now',
          description: 'Statements that wait, run or are being read.',
          unit: 'none',
          targets: [{ expr: 'sum(flightgate_statements_in_flight{$sel, source=~"$source"})', legend: 'statements' }],
        },
        {
          kind: 'stat',
          title: 'Waiting',
          description: 'Statements that wait for a slot of their source.',
          unit: 'none',
          targets: [{ expr: 'sum(flightgate_queued_statements{$sel, source=~"$source"})', legend: 'waiting' }],
          thresholds: [1, 10],
          alert: 'FlightgateQueueGrowing',
        },
        {
          kind: 'stat',
          title: 'Failed, 1 h',
          description:
            'Share of statements that failed by the fault of the gateway or a source; the objective is 0.5 %.',
          unit: 'percentunit',
          targets: [
            { expr: 'max(flightgate:statement_errors:ratio_rate1h{job=~"$job", source=~"$source"})', legend: 'failed' },
          ],
          thresholds: [0.005, 0.05],
          alert: 'FlightgateErrorBudgetBurnFast',
        },
        {
          kind: 'stat',
          title: 'Slow, 1 h',
          description: 'Share of statements without rows within 5 s; the objective is 5 %.',
          unit: 'percentunit',
          targets: [
            { expr: 'max(flightgate:slow_statements:ratio_rate1h{job=~"$job", source=~"$source"})', legend: 'slow' },
          ],
          thresholds: [0.05, 0.3],
          alert: 'FlightgateLatencyBudgetBurnFast',
        },
      ],
    },
    {
      title: 'Statements',
      panels: [
        {
          title: 'Statements by source',
          description: 'Statements that have ended, in a second.',
          unit: 'reqps',
          targets: [rateBy('flightgate_statements_total', 'source', ', source=~"$source"')],
          stack: true,
        },
        {
          title: 'Failures by code',
          description: 'Statements that did not end with OK, by the code that their client got.',
          unit: 'reqps',
          targets: [rateBy('flightgate_statements_total', 'outcome', ', source=~"$source", outcome!="OK"')],
          stack: true,
          alert: 'FlightgateErrorBudgetBurnFast',
        },
        {
          title: 'Time to the first rows',
          description: 'Waiting for a slot and a connection, and running, until the first rows were ready.',
          unit: 's',
          targets: quantiles('flightgate_first_rows_seconds', 'source', ', source=~"$source"'),
          exemplars: true,
          alert: 'FlightgateLatencyBudgetBurnFast',
        },
        {
          title: 'Time of statements',
          description: 'From the start until the last row was read: a slow client makes it long.',
          unit: 's',
          targets: quantiles('flightgate_statement_duration_seconds', 'source', ', source=~"$source"'),
          exemplars: true,
        },
        {
          title: 'Result bytes',
          description: 'Bytes of results handed to clients.',
          unit: 'Bps',
          targets: [rateBy('flightgate_bytes_total', 'source', ', source=~"$source"')],
          stack: true,
        },
        {
          title: 'Statements now',
          description: 'Statements that wait, run or are being read.',
          unit: 'none',
          targets: [sumBy('flightgate_statements_in_flight', 'source', ', source=~"$source"')],
          stack: true,
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'Event loop, p99',
          description: 'How late one of a hundred turns of the event loop is. Above 0.25 s every call suffers.',
          unit: 's',
          targets: [
            {
              expr: 'max by (instance, worker) (nodejs_eventloop_lag_p99_seconds{$sel})',
              legend: '{{instance}} {{worker}}',
            },
          ],
          thresholds: [0.1, 0.25],
          alert: 'FlightgateEventLoopLate',
        },
        {
          title: 'CPU',
          description: 'Cores that each process uses.',
          unit: 'none',
          targets: [rateBy('process_cpu_seconds_total', 'instance, worker')],
        },
        {
          title: 'Memory',
          description: 'Resident memory of each process.',
          unit: 'bytes',
          targets: [sumBy('process_resident_memory_bytes', 'instance, worker')],
          alert: 'FlightgateReplicaRestarts',
        },
        {
          title: 'Bytes held',
          description: 'Result bytes on their way to clients, memory of requests, and results in the cache.',
          unit: 'bytes',
          targets: [
            { ...sumBy('flightgate_in_flight_bytes', 'instance'), legend: '{{instance}} results' },
            { ...sumBy('flightgate_request_memory_bytes', 'instance'), legend: '{{instance}} requests' },
            { ...sumBy('flightgate_cache_bytes', 'instance'), legend: '{{instance}} cache' },
          ],
        },
        {
          title: 'Restarts of workers',
          description: 'Workers that were replaced within an hour, by reason.',
          unit: 'none',
          targets: [
            {
              expr: 'sum by (instance, reason) (increase(flightgate_worker_restarts_total{$sel}[1h]))',
              legend: '{{instance}} {{reason}}',
            },
          ],
          alert: 'FlightgateWorkerRestarts',
        },
        {
          kind: 'table',
          title: 'Versions',
          description: 'Version of the gateway and of Node.js on each replica.',
          unit: 'none',
          targets: [{ expr: 'max by (instance, version, node) (flightgate_build_info{$sel})', legend: '' }],
        },
      ],
    },
    {
      title: 'Shared state',
      panels: [
        {
          title: 'Redis answers',
          description: '1 while Redis answers the replica.',
          unit: 'none',
          targets: [{ expr: 'min by (instance) (flightgate_redis_up{$sel})', legend: '{{instance}}' }],
          alert: 'FlightgateRedisDown',
        },
        {
          title: 'Time of commands to Redis',
          description: 'With commands that failed.',
          unit: 's',
          targets: quantiles('flightgate_redis_command_duration_seconds', 'instance'),
          alert: 'FlightgateStateBreakerOpen',
        },
      ],
    },
  ],
}
