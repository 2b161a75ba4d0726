import type { Scope } from '../async/scope.ts'
import type { ChangeLog } from '../cache/changes/change-log.ts'
import { ChangeRecorder } from '../cache/changes/change-recorder.ts'
import { recordChanges } from '../cache/changes/record-changes.ts'
import type { ResultCache } from '../cache/result-cache.ts'
import type { Config } from '../config/config.ts'
import { Advisor } from '../cost/advice/advisor.ts'
import { advise } from '../cost/advice/stage.ts'
import { budget } from '../cost/budget/budget-stage.ts'
import type { Reconciliation } from '../cost/budget/reconciliation.ts'
import type { Metrics } from '../ops/metrics.ts'
import { Administration, type KeyRotation } from '../query/admin/administration.ts'
import type { ConfigReloader } from '../query/admin/config-reloader.ts'
import { SourceDrains } from '../query/admin/source-drains.ts'
import type { AuditTrail } from '../query/audit/audit-trail.ts'
import type { CacheAdmin } from '../query/cache/cache-admin.ts'
import { CacheEntryLists } from '../query/cache/cache-entry-lists.ts'
import { ActiveStatements } from '../query/control/active-statements.ts'
import { RecentStatements } from '../query/control/recent-statements.ts'
import { type SourceHealth, SourceStatus } from '../query/control/source-status.ts'
import { DrainGate } from '../query/drain-gate.ts'
import { Histories } from '../query/history/histories.ts'
import { StatementCounts } from '../query/history/statement-counts.ts'
import { composePipeline, type Pipeline } from '../query/pipeline.ts'
import type { OtherReplicas } from '../query/replicas/replica-questions.ts'
import { Router } from '../query/router.ts'
import { admit } from '../query/stages/admit.ts'
import { audit } from '../query/stages/audit.ts'
import { auditTrail } from '../query/stages/audit-trail.ts'
import { authorize } from '../query/stages/authorize.ts'
import { deadline } from '../query/stages/deadline.ts'
import { quota } from '../query/stages/quota.ts'
import { rejectWhenDraining } from '../query/stages/reject-when-draining.ts'
import { remember } from '../query/stages/remember.ts'
import { replay } from '../query/stages/replay.ts'
import { serializeTransaction } from '../query/stages/serialize-transaction.ts'
import type { ResultStore } from '../query/stages/share-results.ts'
import { traceSource, traceStatements } from '../query/stages/trace.ts'
import { track } from '../query/stages/track.ts'
import { Transactions } from '../query/transactions/transactions.ts'
import type { Logger, Quotas as QuotaSettings } from '../query/types.ts'
import { Quotas } from '../quotas/quotas.ts'
import type { State } from '../state/open.ts'
import type { BatchCheck, FreeStatements, TakeRequests } from '../statements/batch/batch-dependencies.ts'
import { AdminLog } from './audit/admin-log.ts'
import { declaredFunctionsOf } from './cache/declared-functions-of.ts'
import { historyReaders } from './history/history-readers.ts'
import type { Costs } from './open-budgets.ts'
import type { LiveSources } from './reload/live-sources.ts'
import type { Slots } from './slots.ts'
import type { SourceState, SourceWatch } from './source-watch.ts'

/** Parts that the engine uses. */
export interface EngineParts {
  readonly replicas: OtherReplicas
  readonly config: Config
  /** Keys of what this process seals. */
  readonly sealKeys: KeyRotation
  readonly sources: Pick<LiveSources, 'all'>
  readonly slots: Slots
  readonly watch: Pick<SourceWatch, 'stateOf'>
  readonly state: Pick<State, 'bus' | 'of'>
  /** Store of small results, for clients that redeem a ticket again. */
  readonly repeatable: ResultStore
  readonly cache: ResultCache
  readonly changes: ChangeLog
  /** Absent if no source bills its statements. */
  readonly costs?: Pick<Costs, 'budgets' | 'reconciliation'> | undefined
  /** Absent without an audit log. */
  readonly trail?: AuditTrail | undefined
  readonly reloader: ConfigReloader
  readonly metrics: Metrics
  readonly log: Logger
}

/** Plans and runs the statements of all fronts. */
export interface Engine {
  readonly router: Router
  readonly drainGate: DrainGate
  /** The sources that operators drain. */
  readonly drains: SourceDrains
  readonly transactions: Transactions
  readonly pipeline: Pipeline
  /** The statements that wait or run. */
  readonly active: ActiveStatements
  /** The statements that ended last. */
  readonly recent: RecentStatements
  /** The last hour of the sources and of this process. */
  readonly histories: Histories
  readonly sourceStatus: SourceStatus
  readonly quotas: Quotas
  readonly cache: CacheAdmin
  readonly cacheEntries: CacheEntryLists
  /** What operators may do. */
  readonly administration: Administration
  /** Absent if no source bills its statements. */
  readonly reconciliation: Reconciliation | undefined
  /** Refuses a batch that could not run within the quotas and budgets of its caller. */
  readonly checkBatch: BatchCheck
  readonly freeStatements: FreeStatements
  readonly takeRequests: TakeRequests
  /** Follows changed settings. */
  update(): void
}

/** Composes the engine. The scope closes its quotas, which write the counts that wait. */
export function createEngine(parts: EngineParts, scope: Scope): Engine {
  const {
    replicas,
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
    reloader,
    metrics,
    log,
  } = parts
  const { limits, tracing } = config
  const drainGate = new DrainGate()
  const drains = new SourceDrains()
  const recorder = new ChangeRecorder(changes, log)
  scope.defer(() => recorder.close())
  const transactions = new Transactions(limits, log, replicas.self, (id) => recorder.endTransaction(id))
  const router = new Router(sources.all, config.defaultSource, (id) => transactions.open.get(id)?.source)
  const active = new ActiveStatements({ replicas, bus: state.bus, router, principals: () => config.auth.apiKeys })
  const { recentStatements, recentStatementBytes } = config.history
  const recent = new RecentStatements({
    replicas,
    bus: state.bus,
    router,
    maxStatements: recentStatements,
    maxBytes: recentStatementBytes,
  })
  const counts = new StatementCounts(metrics)
  const histories = new Histories({
    replicas,
    bus: state.bus,
    readers: historyReaders({ router, slots, watch, counts, cache }, scope),
    log,
  })
  scope.defer(() => histories.close())
  const cacheEntries = new CacheEntryLists({
    replicas,
    bus: state.bus,
    router,
    topHere: (wish) => cache.topHere(wish),
  })
  const sourceStatus = new SourceStatus({
    router,
    healthOf: (source) => healthOf(watch.stateOf(source)),
    isDraining: (source) => drains.has(source),
    slotsOf: (source) => slots.of(source)!,
  })
  const administration = new Administration({
    active,
    cache,
    router,
    drains,
    keys: sealKeys,
    bus: state.bus,
    replicas,
    reloader,
    observer: new AdminLog(trail),
  })
  const quotas = new Quotas({
    general: config.quotas,
    principals: config.auth.apiKeys,
    ofGroups: quotasOfGroups(config),
    sources: () => sources.all.map(({ name }) => name),
    store: state.of('quotas').store,
    log,
    onRefused: (reason) => metrics.onQuotaRefusal(reason),
  })
  scope.defer(() => quotas.close())
  const advisor = new Advisor()
  scope.defer(() => advisor.close())
  /** Outermost first. */
  const stages = [
    ...(tracing ? [traceStatements(tracing.statements, (source) => config.sources[source]?.kind)] : []),
    track(active),
    ...(recentStatements > 0 ? [remember(recent)] : []),
    audit(config.log.statements, counts),
    ...(trail ? [auditTrail(trail)] : []),
    rejectWhenDraining(drainGate, drains),
    deadline((source) => config.sources[source]?.statementTimeoutMs),
    authorize(router),
    quota(quotas.statements),
    cache.stage,
    replay(repeatable, limits),
    advise(advisor, router),
    ...(costs ? [budget(costs.budgets)] : []),
    serializeTransaction(transactions),
    admit({
      limiterOf: (source) => slots.of(source)!,
      limits,
      onWait: (source, waitMs) => metrics.onQueueWait(source, waitMs),
    }),
    ...(tracing ? [traceSource()] : []),
    recordChanges(recorder, router, declaredFunctionsOf(config)),
    cache.planStage,
  ]
  const pipeline = composePipeline(stages, router)
  const checkBatch: BatchCheck = async ({ plans, atOnce }, ctx) => {
    await quotas.statements.check(ctx, atOnce)
    await costs?.budgets.checkBatch(plans, ctx)
  }
  const freeStatements: FreeStatements = (ctx) => quotas.statements.freeOf(ctx)
  const takeRequests: TakeRequests = (requests, ctx) => quotas.requests.take(ctx, requests)
  return {
    router,
    drainGate,
    drains,
    transactions,
    pipeline,
    active,
    recent,
    histories,
    sourceStatus,
    quotas,
    cache,
    cacheEntries,
    administration,
    reconciliation: costs?.reconciliation,
    checkBatch,
    freeStatements,
    takeRequests,
    update() {
      router.update(sources.all, config.defaultSource)
      quotas.update(config.quotas, config.auth.apiKeys, quotasOfGroups(config))
    },
  }
}

/** The quotas that members of groups have. */
function quotasOfGroups({ groups }: Config): QuotaSettings[] {
  return Object.values(groups).flatMap(({ members }) => members.quotas ?? [])
}

function healthOf({ isUp, since }: SourceState): SourceHealth {
  return isUp === undefined ? { state: 'unknown' } : { state: isUp ? 'up' : 'down', since }
}
