import type { Dashboard } from './dashboard.ts'
import { quantiles, rateBy, sumBy } from './queries.ts'

const OF_PRINCIPAL = ', principal=~"$principal"'

/** Who calls, how, and what is refused. */
export const clients: Dashboard = {
  uid: 'flightgate-clients',
  title: 'flightgate: clients',
  description: 'Who calls, by which methods and routes, and what is refused.',
  variables: { principal: { label: 'principal', metric: 'flightgate_principal_statements_total' } },
  rows: [
    {
      title: 'Principals',
      panels: [
        {
          title: 'Statements by principal',
          description: 'Statements that have ended, in a second. The first 200 principals of a process have names.',
          unit: 'reqps',
          targets: [rateBy('flightgate_principal_statements_total', 'principal', OF_PRINCIPAL)],
          stack: true,
        },
        {
          title: 'Result bytes by principal',
          description: 'Bytes of results that they have read.',
          unit: 'Bps',
          targets: [rateBy('flightgate_principal_bytes_total', 'principal', OF_PRINCIPAL)],
          stack: true,
        },
        {
          title: 'Refused by quotas',
          description: 'Requests and statements, by quota.',
          unit: 'reqps',
          targets: [rateBy('flightgate_quota_refusals_total', 'quota')],
          alert: 'FlightgateQuotaRefusals',
        },
        {
          kind: 'table',
          title: 'API keys that expire',
          description: 'Seconds until the last key of a principal ends.',
          unit: 's',
          targets: [
            {
              expr: `min by (principal) (flightgate_api_key_expires_timestamp_seconds{$sel${OF_PRINCIPAL}}) - time()`,
              legend: '{{principal}}',
            },
          ],
          thresholds: [7 * 86_400, 30 * 86_400],
          lowIsBad: true,
          alert: 'FlightgateApiKeyExpiring',
        },
        {
          kind: 'table',
          title: 'Certificates of the ports',
          description: 'Seconds until the certificate of a port, or one of its chain, ends.',
          unit: 's',
          targets: [
            {
              expr: 'min by (instance, port) (flightgate_certificate_expiry_timestamp_seconds{$sel}) - time()',
              legend: '{{instance}} {{port}}',
            },
          ],
          thresholds: [14 * 86_400, 30 * 86_400],
          lowIsBad: true,
          alert: 'FlightgateCertificateExpiring',
        },
      ],
    },
    {
      title: 'Flight port',
      panels: [
        {
          title: 'Calls by method',
          description: 'gRPC calls that have ended.',
          unit: 'reqps',
          targets: [rateBy('flightgate_calls_total', 'method')],
          stack: true,
        },
        {
          title: 'Calls that failed',
          description: 'By the name of their status.',
          unit: 'reqps',
          targets: [rateBy('flightgate_calls_total', 'code', ', code!="OK"')],
          stack: true,
          alert: 'FlightgateLoginsFailing',
        },
        {
          title: 'Time of calls',
          description: 'From the first header to the status; for DoGet it includes how long the client takes to read.',
          unit: 's',
          targets: quantiles('flightgate_call_duration_seconds', 'method'),
          exemplars: true,
        },
        {
          title: 'Connections and calls now',
          description: 'Client connections, calls in progress and open transactions.',
          unit: 'none',
          targets: [
            { ...sumBy('flightgate_connections', 'instance'), legend: '{{instance}} connections' },
            { ...sumBy('flightgate_calls_in_flight', 'instance'), legend: '{{instance}} calls' },
            { ...sumBy('flightgate_transactions_open', 'instance'), legend: '{{instance}} transactions' },
          ],
        },
      ],
    },
    {
      title: 'HTTP port',
      panels: [
        {
          title: 'Requests by route',
          description: 'HTTP requests that have ended.',
          unit: 'reqps',
          targets: [rateBy('flightgate_http_requests_total', 'route')],
          stack: true,
        },
        {
          title: 'Requests that failed',
          description: 'By status.',
          unit: 'reqps',
          targets: [rateBy('flightgate_http_requests_total', 'status', ', status=~"[45].."')],
          stack: true,
        },
        {
          title: 'Time of requests',
          description: 'From the first header to the last byte of the answer.',
          unit: 's',
          targets: quantiles('flightgate_http_request_duration_seconds', 'route'),
          exemplars: true,
        },
        {
          title: 'Connections and requests now',
          description: 'Client connections of the HTTP port and requests in progress.',
          unit: 'none',
          targets: [
            { ...sumBy('flightgate_http_connections', 'instance'), legend: '{{instance}} connections' },
            { ...sumBy('flightgate_http_requests_in_flight', 'instance'), legend: '{{instance}} requests' },
          ],
        },
      ],
    },
  ],
}
