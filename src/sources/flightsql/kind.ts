import type { SourceKind } from '../kind.ts'
import { connectionMetrics, poolMetrics } from './metrics.ts'
import { redactUpstream, upstreamProblems, upstreamWarnings } from './problems.ts'
import { dremioSettings, flightSqlSettings, type UpstreamSettings } from './settings.ts'
import { dremioVariables, poolVariables } from './variables.ts'

/** Flow-control window of a connection in bytes: how much an upstream may send ahead. */
const WINDOW_BYTES = 8 << 20
const DEFAULT_MIN_STREAMS = 2

/** Metadata that follows a call through systems; rows do not depend on it. */
const tracing: readonly string[] = ['traceparent', 'tracestate', 'baggage', 'x-request-id']

/** The common part of both kinds. */
const upstream: Omit<SourceKind<UpstreamSettings>, 'schema'> = {
  problems: upstreamProblems,
  warnings: upstreamWarnings,
  redact: redactUpstream,
  inPlace: ['maxStreams', 'minStreams'],
  concurrency: ({ maxStreams, minStreams, pool, addresses }) => ({
    maxStreams,
    minStreams: minStreams ?? Math.min(DEFAULT_MIN_STREAMS, maxStreams),
    maxConnections: pool.max * (1 + addresses.length),
  }),
  memory: ({ maxStreams, slowReader }) => ({ processBytes: maxStreams * (WINDOW_BYTES + slowReader.memoryBytes) }),
  rowMetadata: ({ forward }) => forward.toServer.filter((name) => !tracing.includes(name)),
  declareMetrics(metrics) {
    connectionMetrics(metrics)
    poolMetrics(metrics, () => [])
  },
  async open(name, settings, { log, metrics }) {
    const { openFlightSqlSource } = await import('./source.ts')
    const source = openFlightSqlSource(name, settings, { log, observer: connectionMetrics(metrics) })
    poolMetrics(metrics, () => source.pools.all)
    return source
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseFlightSql } = await import('./diagnose.ts')
    yield* diagnoseFlightSql(name, settings, ctx)
  },
}

/** Any Flight SQL server. */
export const flightSqlKind: SourceKind<UpstreamSettings> = { schema: flightSqlSettings, ...upstream }

/** Dremio: a Flight SQL server with its own profile. DREMIO_* comes first: it may create the source that ARROW_POOL_* changes. */
export const dremioKind: SourceKind<UpstreamSettings> = {
  schema: dremioSettings,
  variables: [...dremioVariables, ...poolVariables],
  ...upstream,
}
