import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { Scope } from '../async/scope.ts'
import type { Config } from '../config/config.ts'
import { liveConfig } from '../config/reload/live-config.ts'
import { freeOfCharge } from '../cost/usage/cost-usage.ts'
import { setLogLevel } from '../ops/log.ts'
import { ReloadMetrics } from '../ops/metrics/reload-metrics.ts'
import { Metrics } from '../ops/metrics.ts'
import { ProcessReadiness } from '../ops/readiness.ts'
import { packageVersion } from '../ops/version.ts'
import type { ReloadReport } from '../query/admin/config-reloader.ts'
import { GatewayError } from '../query/errors.ts'
import type { ConcurrencyLimiter } from '../query/limits/concurrency-limiter.ts'
import { ownContext } from '../query/transactions/own-context.ts'
import type { SourceKinds } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'
import { MemoryStore } from '../state/memory.ts'
import { openState } from '../state/open.ts'
import { RedisConnection } from '../state/redis/redis-connection.ts'
import { openAudit } from './audit/open-audit.ts'
import { openChanges } from './cache/open-changes.ts'
import { createEngine } from './engine.ts'
import { createFronts, type GatewayAddresses } from './fronts.ts'
import { checkNoBills, openBudgets } from './open-budgets.ts'
import { openCache } from './open-cache.ts'
import { ReplicaDirectory } from './peers/replica-directory.ts'
import { applySteps } from './reload/apply-steps.ts'
import { closeSources, LiveSources, type OpenedSources } from './reload/live-sources.ts'
import { type PreparedReload, Reloads } from './reload/reloads.ts'
import { SealKeys } from './seal-keys.ts'
import { Slots } from './slots.ts'
import { SourceWatch } from './source-watch.ts'
import type { OpenSource } from './sources.ts'
import { openTracing } from './tracing/open-tracing.ts'
import { waitUntilIdle } from './wait-until-idle.ts'
import type { WorkerGroup } from './workers/worker-group.ts'

/** A running gateway. */
export interface Gateway {
  readonly addresses: GatewayAddresses
  /**
   * Drains: turns not ready, rejects new statements after `notReadyMs`, waits for running calls and transactions, then stops.
   * @returns number of calls and transactions that were cut off
   */
  drain(notReadyMs: number): Promise<number>
  /** Stops at once: cuts off calls and interrupts engines. */
  stop(): Promise<void>
  /** The settings in force. */
  readonly config: Config
  /** Reads the configuration again and applies what has changed. @param by who asks, for the log, such as `SIGHUP` */
  reload(by: string): Promise<ReloadReport>
  /** Opens what new settings need, for a reload that another process decides. @throws StartError */
  prepareReload(next: Config): Promise<PreparedReload>
  /** Writes the line of a reload, which another process has decided, to the audit log. @param by as in `reload` */
  auditReload(by: string, report: ReloadReport): void
  /** Whether threads may be working for which the end of the process would wait. */
  readonly hasActiveThreads: boolean
}

const STATE_BOUNDS = { maxStoreBytes: 32 << 20, maxBlobBytes: 256 << 20 }

/**
 * Composes state, sources, engine and fronts from the configuration and starts them.
 * @param load reads the configuration again, for a reload
 * @param group the other processes, if this one is one of several workers
 * @throws StartError if a setting is at fault. After any error it leaves nothing open
 */
export async function startGateway(
  config: Config,
  log: Logger,
  kinds: SourceKinds = sourceKinds,
  load: () => Config = () => config,
  group?: WorkerGroup,
): Promise<Gateway> {
  const scope = new Scope()
  try {
    return await start(config, log, kinds, load, group, scope)
  } catch (error) {
    await scope.disposeAsync().catch(() => {})
    throw error
  }
}

/** Opens the parts in order. The scope closes them in reverse order. */
async function start(
  initial: Config,
  log: Logger,
  kinds: SourceKinds,
  load: () => Config,
  group: WorkerGroup | undefined,
  scope: Scope,
): Promise<Gateway> {
  const { config, apply } = liveConfig(initial)
  const readiness = new ProcessReadiness()
  const metrics = new Metrics()
  const instanceId = randomBytes(6).toString('hex')
  const { tracing } = config
  const tracer = tracing && (await openTracing({ settings: tracing, instanceId, metrics: metrics.tracing, log }, scope))

  const redis = config.redis && (await RedisConnection.open(config.redis, log, metrics.redis))
  if (redis) scope.defer(() => redis.close())
  const state = await openState({ redis, workers: group?.state, bounds: STATE_BOUNDS }, log)
  const sealKeys = new SealKeys(config.auth, group !== undefined)
  const { sealer } = sealKeys
  const directory = new ReplicaDirectory(instanceId, state.store, sealer, log)
  const repeatable = new MemoryStore(Math.max(1, config.limits.repeatableStoreBytes))
  scope.defer(() => Promise.all([state.close(), repeatable.close()]))

  const storesBytes = STATE_BOUNDS.maxStoreBytes + STATE_BOUNDS.maxBlobBytes
  const worker = group?.worker
  const sources = await LiveSources.open({ config, kinds, metrics, log, storesBytes, worker }, scope)
  const sourceNamed = (name: string) => sources.of(name) ?? engine.router.named(name)
  const trail = await openAudit({ config, sourceNamed, metrics, worker, log }, scope)
  const watch = new SourceWatch(sources.all, config.health, log)
  scope.defer(() => watch.close())

  const costs = await openBudgets({ config, kinds, sources, redis, metrics, log }, scope)
  const slots = new Slots(config, kinds)
  const isShared = redis !== undefined || group !== undefined
  const changes = openChanges({ state, isShared, sources }, scope)
  const cacheParts = { config, kinds, sources, changes, metrics, redis, sealer, log }
  const { cache, update: updateCache } = openCache(cacheParts, scope)
  const engine = createEngine(
    {
      replicas: directory,
      config,
      sealKeys,
      sources,
      slots,
      watch,
      state,
      repeatable,
      cache,
      changes,
      costs,
      trail,
      reloader: { reload: (by, isDryRun) => (group ?? reloads).reload(by, isDryRun) },
      metrics,
      log,
    },
    scope,
  )
  const { transactions, drainGate } = engine

  const costUsage = costs?.usage ?? freeOfCharge(config.budgets.timeZone)
  const fronts = createFronts(
    { config, sealKeys, engine, costUsage, state, directory, watch, trail, metrics, readiness, tracer, group, log },
    scope,
  )
  const { grpc, httpCalls, statements } = fronts
  metrics.readGauges({
    version: packageVersion(),
    isReady: () => readiness.ready && trail?.isRefusing !== true,
    callsInFlight: () => grpc.callCount,
    requestsInFlight: () => httpCalls.size,
    connections: () => grpc.connectionCount,
    httpConnections: () => httpCalls.connections.size,
    inFlightBytes: () => grpc.inFlightBytes,
    requestMemoryBytes: () => grpc.requestMemoryBytes + httpCalls.requestMemoryBytes,
    transactions: () => transactions.size,
    sources: () => watch.states.flatMap(({ source, isUp }) => (isUp === undefined ? [] : [{ source, isUp }])),
    drains: () => engine.router.sources.map(({ name }) => ({ source: name, isDraining: engine.drains.has(name) })),
    slots: () => [...slots.all].map(([name, { queued, slots }]) => ({ source: name, queued, slots })),
  })
  metrics.redis.readGauges({ isRedisUp: () => redis?.isUp, breakers: () => state.breakers() })
  const addresses = await fronts.listen()
  costs?.reconciliation.start()
  readiness.set(true)
  watch.start()
  engine.histories.start()

  const prepare = async (next: Config): Promise<PreparedReload> => {
    if (!costs) checkNoBills(next, kinds)
    const opened = await sources.prepare(next)
    return { apply: () => applyAll(next, opened), abandon: () => closeSources(opened) }
  }
  /** No await within: all of it happens between two turns of the event loop. What can fail belongs into `prepare`. */
  const applyAll = (next: Config, opened: OpenedSources): readonly string[] => {
    // Assignments only.
    apply(next)
    const retired = sources.apply(next, opened)
    const former = retired.map((entry) => ({ entry, limiter: slots.of(entry.source.name)! }))
    const steps = {
      'log level': () => setLogLevel(log, config.log.level),
      slots: () => slots.update(config, new Set(opened.keys())),
      budgets: () => costs?.update(),
      cache: () => updateCache(),
      'routes and quotas': () => engine.update(),
      'seal keys': () => sealKeys.update(),
      callers: () => fronts.update(),
      'checks of sources': () => watch.update(sources.all),
      'former sources': () => retire(former),
    }
    return applySteps(steps, log)
  }
  const retire = (former: readonly { readonly entry: OpenSource; readonly limiter: ConcurrencyLimiter }[]) => {
    const isCallRunning = fronts.workOfNow()
    const at = Date.now()
    for (const { entry, limiter } of former) {
      const { name } = entry.source
      const own = () => [...transactions.open.values()].filter(({ source }) => source === entry.source)
      const isBusy = () => isCallRunning() || limiter.inUse + limiter.queued > 0 || own().length > 0
      const end = (graceMs: number) => {
        const why = `The source ${name} was removed or changed, and its work did not end within ${graceMs} ms (drain.sourceGraceMs).`
        engine.active.endAt(name, at, new GatewayError('CANCELLED', why))
        for (const each of own()) transactions.rollback(each.id, ownContext(each, log)).catch(() => {})
      }
      void sources.retire(entry, { isBusy, end }, config.drain.sourceGraceMs)
    }
  }
  const auditReload = (by: string, { outcome, changed, needsRestart, problems }: ReloadReport) => {
    const why = problems.length > 0 && { problems }
    trail?.record('reload', undefined, { by, outcome, changed, needsRestart, ...why })
  }
  const reloads = new Reloads({
    config: initial,
    kinds,
    load,
    prepare,
    // With several workers, the process that starts them reloads.
    metrics: group ? undefined : new ReloadMetrics(metrics.registry),
    audit: auditReload,
    log,
  })

  const isConnected = () => grpc.connectionCount > 0 || httpCalls.connectionCount > 0
  return {
    addresses,
    async drain(notReadyMs) {
      reloads.end()
      readiness.set(false)
      // A load balancer that watches readiness holds a connection; with no connections, skip the delay.
      if (isConnected()) await sleep(notReadyMs)
      drainGate.close()
      const activity = {
        isBusy: () =>
          grpc.callCount > 0 || httpCalls.size > 0 || transactions.used > 0 || statements.background.pending > 0,
        isConnected,
      }
      await waitUntilIdle(activity, config.drain.graceMs)
      const cutTransactions = transactions.used
      const cut = httpCalls.stop() + (await grpc.close()) + cutTransactions
      await scope.disposeAsync()
      return cut
    },
    async stop() {
      reloads.end()
      await scope.disposeAsync()
    },
    get config() {
      return reloads.config
    },
    reload: (by) => reloads.reload(by),
    prepareReload: prepare,
    auditReload,
    get hasActiveThreads() {
      return sources.hasActiveThreads
    },
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
