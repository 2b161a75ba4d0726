import type { SourceKind } from '../kind.ts'
import { type StandIn, standIns } from './identity/stand-ins.ts'
import { connectionMetrics, poolMetrics } from './metrics.ts'
import { redactUpstream, upstreamProblems, upstreamWarnings } from './problems.ts'
import { dremioSettings, type FlightSqlConfig, flightSqlSettings, type UpstreamSettings } from './settings.ts'
import { dremioVariables, poolVariables } from './variables.ts'

/** Flow-control window of a connection in bytes: how much an upstream may send ahead. */
const WINDOW_BYTES = 8 << 20
const DEFAULT_MIN_STREAMS = 2

/** Metadata that follows a call through systems; rows do not depend on it. */
const tracing: readonly string[] = ['traceparent', 'tracestate', 'baggage', 'x-request-id']

/** The settings of a source with the login of some callers. It keeps no connections open for callers that may not come again. */
function settingsAs(settings: UpstreamSettings, { standsFor, login }: StandIn): FlightSqlConfig {
  const none = { username: undefined, password: undefined, token: undefined }
  return { ...settings, ...none, ...login, standsFor, pool: { ...settings.pool, min: 0 } }
}

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
    const deps = { log, observer: connectionMetrics(metrics) }
    const own = openFlightSqlSource(name, settings, deps)
    const identity = settings.kind === 'dremio' ? settings.identity : undefined
    if (identity?.mode !== 'impersonate') {
      poolMetrics(metrics, () => own.pools.all)
      return own
    }
    const { ImpersonatingSource } = await import('./identity/impersonating-source.ts')
    const source = new ImpersonatingSource(own, identity, (standIn) =>
      openFlightSqlSource(name, settingsAs(settings, standIn), { ...deps, breakers: own.breakers }),
    )
    poolMetrics(metrics, () => source.endpointsOfLogins)
    return source
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseFlightSql } = await import('./diagnose.ts')
    yield* diagnoseFlightSql(name, settings, ctx)
    const identity = settings.kind === 'dremio' ? settings.identity : undefined
    if (identity?.mode !== 'impersonate') return
    for (const standIn of standIns(identity))
      for await (const finding of diagnoseFlightSql(name, settingsAs(settings, standIn), ctx))
        yield { ...finding, where: `${finding.where} for ${standIn.standsFor}` }
  },
}

/** Any Flight SQL server. */
export const flightSqlKind: SourceKind<UpstreamSettings> = {
  schema: flightSqlSettings,
  ...upstream,
  hasOwnCommands: (settings) => settings.kind === 'flightsql' && settings.plainCommands,
}

/** Dremio: a Flight SQL server with its own profile. DREMIO_* comes first: it may create the source that ARROW_POOL_* changes. */
export const dremioKind: SourceKind<UpstreamSettings> = {
  schema: dremioSettings,
  variables: [...dremioVariables, ...poolVariables],
  ...upstream,
}
