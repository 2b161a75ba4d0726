import type { Config } from '../config/config.ts'
import type { Metrics } from '../ops/metrics.ts'
import { DrainGate } from '../query/drain-gate.ts'
import type { ConcurrencyLimiter } from '../query/limits/concurrency-limiter.ts'
import { composePipeline, type Pipeline } from '../query/pipeline.ts'
import { Router } from '../query/router.ts'
import type { Source } from '../query/source.ts'
import { admit } from '../query/stages/admit.ts'
import { audit } from '../query/stages/audit.ts'
import { authorize } from '../query/stages/authorize.ts'
import { deadline } from '../query/stages/deadline.ts'
import { rejectWhenDraining } from '../query/stages/reject-when-draining.ts'
import { replay } from '../query/stages/replay.ts'
import { serializeTransaction } from '../query/stages/serialize-transaction.ts'
import type { ResultStore } from '../query/stages/share-results.ts'
import { Transactions } from '../query/transactions/transactions.ts'
import type { Logger } from '../query/types.ts'

/** Parts that the engine uses. */
export interface EngineParts {
  readonly config: Config
  readonly sources: readonly Source[]
  readonly slots: ReadonlyMap<string, ConcurrencyLimiter>
  /** Store of small results, for clients that redeem a ticket again. */
  readonly repeatable: ResultStore
  readonly metrics: Metrics
  readonly log: Logger
}

/** Plans and runs the statements of all fronts. */
export interface Engine {
  readonly router: Router
  readonly drainGate: DrainGate
  readonly transactions: Transactions
  readonly pipeline: Pipeline
}

/** Composes the engine, which holds no resources to close. */
export function createEngine({ config, sources, slots, repeatable, metrics, log }: EngineParts): Engine {
  const { limits } = config
  const router = new Router(sources, config.defaultSource)
  const drainGate = new DrainGate()
  const transactions = new Transactions(limits, log)
  /** Outermost first. */
  const stages = [
    audit(config.log.statements, metrics),
    rejectWhenDraining(drainGate),
    deadline((source) => config.sources[source]?.statementTimeoutMs),
    authorize(router),
    replay(repeatable, limits),
    serializeTransaction(transactions),
    admit({
      limiterOf: (source) => slots.get(source)!,
      contendedStallMs: limits.contendedStallMs,
      onWait: (source, waitMs) => metrics.onQueueWait(source, waitMs),
    }),
  ]
  return { router, drainGate, transactions, pipeline: composePipeline(stages, router) }
}
