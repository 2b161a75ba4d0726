import { GatewayError } from '../../../query/errors.ts'
import type { Estimate } from '../../../query/estimate.ts'
import { timeLimit } from '../../../query/time-limit.ts'
import type { Context, Query } from '../../../query/types.ts'
import type { ConnectionProvider } from '../connections/connection-pool.ts'
import type { Address } from '../native/library.ts'
import { explainsKind, isUpdateKind } from '../sql/statement-kind.ts'
import type { Dispatcher } from '../workers/dispatcher.ts'
import type { Job } from '../workers/job.ts'
import type { Description, SchemaSwitch, WorkerRequest } from '../workers/messages.ts'
import type { Planning } from '../workers/planning.ts'

/** The part of the time limit of planning that an estimate may take; after it the estimate is unknown. */
const TIMEOUT_SHARE = 0.2

const unknown: Estimate = { accuracy: 'unknown' }

/** What an estimator needs of its source. */
export interface EstimatorSetup {
  readonly planning: Planning
  readonly dispatcher: Dispatcher
  /** Connections outside of transactions. */
  readonly connections: ConnectionProvider
}

/** Estimates statements on the planning threads. */
export class Estimator {
  readonly #setup: EstimatorSetup
  /** By plan: the source forgets a plan when any statement has changed data. */
  readonly #known = new WeakMap<Description, Estimate>()

  constructor(setup: EstimatorSetup) {
    this.#setup = setup
  }

  /**
   * Estimates a statement that has been planned. An estimate that fails or takes too long is unknown: it must not fail the plan.
   * In a transaction the estimate is that of the committed data, since a failure within would abort the transaction.
   * @throws the signal's reason
   */
  async estimate(
    query: Query,
    plan: Description,
    schemaSwitch: SchemaSwitch | undefined,
    ctx: Context,
  ): Promise<Estimate> {
    if (!explainsKind(plan.type)) return unknown
    const isKept = query.transaction === undefined && query.session.cache !== false && !query.parameters
    const known = isKept && this.#known.get(plan)
    if (known) return known
    try {
      const estimate = await this.#dispatch(query, plan, schemaSwitch, ctx)
      if (isKept) this.#known.set(plan, estimate)
      return query.transaction === undefined ? estimate : committed(estimate)
    } catch (error) {
      ctx.signal.throwIfAborted()
      // The error quotes the statement, which the log must not show.
      ctx.log.debug({ event: 'estimate', code: GatewayError.from(error).code }, 'the statement could not be estimated')
      return unknown
    }
  }

  async #dispatch(
    { sql, parameters }: Query,
    { type, parameterSchema }: Description,
    schemaSwitch: SchemaSwitch | undefined,
    ctx: Context,
  ): Promise<Estimate> {
    const { planning, dispatcher, connections } = this.#setup
    let estimate = unknown
    const requestOn = (connection: Address): WorkerRequest => ({
      kind: 'estimate',
      connection,
      sql,
      isUpdate: isUpdateKind(type),
      hasParameters: parameterSchema.byteLength > 0,
      ...(parameters && { parameters }),
      ...(schemaSwitch && { schemaSwitch }),
    })
    const finish = async (job: Job) => {
      job.onReply((reply) => {
        if (reply.kind === 'estimate') estimate = reply.estimate
      })
      await job.finished()
    }
    await planning.dispatch(ctx, async (outer, holder) => {
      const { signal, clear } = timeLimit(
        outer,
        planning.timeoutMs * TIMEOUT_SHARE,
        () => new Error('the estimate takes too long'),
      )
      try {
        await dispatcher.dispatch(planning.workers, connections, requestOn, signal, finish, { holder })
      } finally {
        clear()
      }
    })
    return estimate
  }
}

/** An estimate for a transaction: it may hold rows that the committed tables do not. */
function committed({ bytes, rows, accuracy, ...rest }: Estimate): Estimate {
  const known = { ...(bytes && { bytes }), ...(rows && { rows }) }
  if (bytes === undefined && rows === undefined) return { accuracy, ...rest }
  return { accuracy: Object.keys(known).length > 0 ? 'estimated' : 'unknown', ...known, ...rest }
}
