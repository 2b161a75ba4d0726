import { GatewayError } from '../query/errors.ts'
import type { Estimate } from '../query/estimate.ts'
import type { Pipeline } from '../query/pipeline.ts'
import type { Context, Plan } from '../query/types.ts'
import type { BackgroundStatement, BackgroundStatements, PollWork } from './background-statements.ts'
import type { ParameterStore } from './bound-parameters.ts'
import type { Poll } from './handles/poll.ts'
import { checkMayRun } from './option-headers.ts'
import type { RunningStatements } from './running-statements.ts'
import { noLongerKept, type StoredResults } from './stored-results.ts'

const FIRST_WAIT_MS = 20
const WAIT_MS = 500

/** State of a polled statement. The client can redeem the ticket once the statement is ready. */
export interface PollAnswer {
  readonly poll: Poll
  readonly isReady: boolean
  /** From 0 to 1; undefined when the engine does not report progress. */
  readonly progress?: number | undefined
  /** The estimate, if the first call asked for it and this replica has planned the statement. */
  readonly estimate?: Estimate | undefined
}

/** Dependencies of `PolledStatements`. */
export interface PolledStatementDependencies {
  readonly pipeline: Pipeline
  readonly parameters: ParameterStore
  readonly results: StoredResults
  readonly running: RunningStatements
  readonly background: BackgroundStatements
  /** A claim lives as long as a ticket. */
  readonly limits: { readonly ticketTtlMs: number }
}

/**
 * Statements that run while their clients poll. A replica that does not know a statement that only reads starts it again. A
 * statement that changes data never runs twice.
 */
export class PolledStatements {
  readonly #deps: PolledStatementDependencies

  constructor(deps: PolledStatementDependencies) {
    this.#deps = deps
  }

  /** Starts a statement. @throws GatewayError the statement's own error; BAD_REQUEST for a call that wants only an estimate */
  async begin(poll: Poll, ctx: Context): Promise<PollAnswer> {
    checkMayRun(ctx)
    const job = this.#start(poll, ctx)
    await job.waitForPlan(waitMs(ctx))
    await job.wait(FIRST_WAIT_MS)
    return this.#answer(poll, job)
  }

  /**
   * Waits up to 500 ms for a statement that an earlier call started.
   * @throws GatewayError CANCELLED, EXPIRED_TICKET, SOURCE_UNAVAILABLE when another replica runs it, or the statement's own error
   */
  async poll(poll: Poll, ctx: Context): Promise<PollAnswer> {
    const { running, background, results } = this.#deps
    const { ticket, planned } = poll
    const { id, stored } = ticket
    let job = background.touch(id)
    // A job that has failed knows who cancelled it.
    if (job?.state.kind !== 'failed' && (await running.isCancelled(id)))
      throw new GatewayError('CANCELLED', 'The statement was cancelled.')
    job ??= background.touch(id)
    if (!job && (stored || !planned)) {
      // Read the claim first: a replica stores the result of a change before it marks the claim as done.
      const claim = await running.claimOf(id)
      if (await results.has(id)) {
        const statement = { ...ticket.statement, kind: 'update' } as const
        return { poll: { ...poll, ticket: { ...ticket, statement, stored: true } }, isReady: true }
      }
      // Another poll of the same handle may have started the statement here meanwhile.
      job = background.touch(id)
      if (!job && claim === 'running') throw runsElsewhere()
      if (!job && (stored || claim === 'done')) throw noLongerKept()
    }
    ctx.span?.link(job?.trace.span)
    job = job ? cancelWith(ctx, job) : this.#start(poll, ctx)
    await job.wait(waitMs(ctx))
    return this.#answer(poll, job)
  }

  #start(poll: Poll, ctx: Context): BackgroundStatement {
    const { background } = this.#deps
    const { id } = poll.ticket
    const work = this.#workOf(poll, () => background.forget(id, job))
    const job: BackgroundStatement = background.start(id, work, ctx)
    return cancelWith(ctx, job)
  }

  /**
   * Plans the statement if necessary, and runs it. Only the replica with the claim runs a statement that changes data.
   * @param forget drops the statement from those of this replica
   */
  #workOf({ ticket, planned }: Poll, forget: () => void): PollWork {
    const { pipeline, running, parameters, results, limits } = this.#deps
    return async (ctx, onPlan) => {
      let statement = await parameters.loadStatement(ticket)
      if (!planned) {
        const plan = await pipeline.plan(statement.query, ctx)
        if (plan.kind === 'update' && !(await running.claim(ticket.id, limits.ticketTtlMs))) {
          forget()
          throw runsElsewhere()
        }
        onPlan(plan)
        statement = { ...plan, execution: ticket.id }
      }
      if (statement.kind === 'read') return await pipeline.run(statement, ctx)
      await results.runAndKeep(statement, ctx, ticket.id)
      await running.markDone(ticket.id, limits.ticketTtlMs)
      return undefined
    }
  }

  #answer(began: Poll, job: BackgroundStatement): PollAnswer {
    this.#deps.background.touch(began.ticket.id)
    const poll = withPlan(began, job.plan)
    const { state } = job
    if (state.kind === 'failed') throw state.error
    return state.kind === 'ready'
      ? { poll, isReady: true, estimate: job.plan?.estimate }
      : { poll, isReady: false, progress: state.progress }
  }
}

function runsElsewhere(): GatewayError {
  return new GatewayError('SOURCE_UNAVAILABLE', 'The statement runs on another replica: poll again.')
}

function waitMs({ deadlineAt }: Context): number {
  return Math.max(0, Math.min(WAIT_MS, (deadlineAt - Date.now()) / 2))
}

/** Aborts the statement when its client cancels the poll, as ADBC does. A poll that exceeds its deadline leaves it running. */
function cancelWith({ signal }: Context, job: BackgroundStatement): BackgroundStatement {
  const onAbort = () => {
    if (GatewayError.from(signal.reason).code === 'CANCELLED') job.abandon(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return job
}

/** Adds the plan to a poll handle once it is known. */
function withPlan(poll: Poll, plan: Plan | undefined): Poll {
  if (poll.planned || !plan) return poll
  const ticket = { ...poll.ticket, statement: plan, stored: plan.kind === 'update' }
  return { ...poll, planned: true, schema: plan.schema, ticket }
}
