import { GatewayError } from '../query/errors.ts'
import type { Pipeline } from '../query/pipeline.ts'
import type { Context, Plan } from '../query/types.ts'
import type { BackgroundStatement, BackgroundStatements, PollWork } from './background-statements.ts'
import type { ParameterStore } from './bound-parameters.ts'
import type { Poll } from './handles/poll.ts'
import type { RunningStatements } from './running-statements.ts'
import { noLongerKept, type StoredResults } from './stored-results.ts'

const FIRST_WAIT_MS = 20
const WAIT_MS = 500

/** Where a polled statement stands: its ticket is good once it is ready. */
export interface PollAnswer {
  readonly poll: Poll
  readonly isReady: boolean
  /** From 0 to 1; undefined when the engine cannot tell. */
  readonly progress?: number | undefined
}

/** What polled statements run with. */
export interface PolledStatementDependencies {
  readonly pipeline: Pipeline
  readonly parameters: ParameterStore
  readonly results: StoredResults
  readonly running: RunningStatements
  readonly background: BackgroundStatements
  /** How long a claim is kept, in milliseconds: as long as a ticket lives. */
  readonly ttlMs: number
}

/**
 * Statements that run while their clients come back to ask. A replica that does not know a reading statement starts it
 * again; one that changes data never runs twice.
 */
export class PolledStatements {
  readonly #deps: PolledStatementDependencies

  constructor(deps: PolledStatementDependencies) {
    this.#deps = deps
  }

  /** Starts a statement. @throws GatewayError why it failed */
  async begin(poll: Poll, ctx: Context): Promise<PollAnswer> {
    const job = this.#start(poll, ctx)
    await job.waitForPlan(waitMs(ctx))
    await job.wait(FIRST_WAIT_MS)
    return this.#answer(poll, job)
  }

  /**
   * Waits a while for a statement that was started before.
   * @throws GatewayError CANCELLED, EXPIRED_TICKET, SOURCE_UNAVAILABLE when another replica runs it, or why it failed
   */
  async again(poll: Poll, ctx: Context): Promise<PollAnswer> {
    const { running, background, results } = this.#deps
    const { ticket, planned } = poll
    const { id, stored } = ticket
    if (await running.isCancelled(id)) throw new GatewayError('CANCELLED', 'The statement was cancelled.')
    const known = background.touch(id)
    if (!known && (stored || !planned)) {
      if (await results.has(id)) {
        const statement = { ...ticket.statement, kind: 'update' } as const
        return { poll: { ...poll, ticket: { ...ticket, statement, stored: true } }, isReady: true }
      }
      if (await running.isClaimed(id)) throw runsElsewhere()
      if (stored) throw noLongerKept()
    }
    const job = known ? cancelWith(ctx, known) : this.#start(poll, ctx)
    await job.wait(waitMs(ctx))
    return this.#answer(poll, job)
  }

  #start(poll: Poll, ctx: Context): BackgroundStatement {
    return cancelWith(ctx, this.#deps.background.start(poll.ticket.id, this.#workOf(poll), ctx))
  }

  /** Plans the statement if need be, and runs it; one that changes data, only on the replica that claims it. */
  #workOf({ ticket, planned }: Poll): PollWork {
    const { pipeline, running, background, parameters, results, ttlMs } = this.#deps
    return async (ctx, onPlan) => {
      let statement = await parameters.loadStatement(ticket)
      if (!planned) {
        const plan = await pipeline.plan(statement.query, ctx)
        if (plan.kind === 'update' && !(await running.claim(ticket.id, ttlMs))) {
          background.forget(ticket.id)
          throw runsElsewhere()
        }
        onPlan(plan)
        statement = { ...plan, execution: ticket.id }
      }
      if (statement.kind === 'read') return await pipeline.run(statement, ctx)
      await results.runAndKeep(statement, ctx, ticket.id)
      return undefined
    }
  }

  #answer(began: Poll, job: BackgroundStatement): PollAnswer {
    this.#deps.background.touch(began.ticket.id)
    const poll = withPlan(began, job.plan)
    const { state } = job
    if (state.kind === 'failed') throw state.error
    return state.kind === 'ready' ? { poll, isReady: true } : { poll, isReady: false, progress: state.progress }
  }
}

function runsElsewhere(): GatewayError {
  return new GatewayError('SOURCE_UNAVAILABLE', 'The statement runs on another replica: poll again.')
}

function waitMs({ deadlineAt }: Context): number {
  return Math.max(0, Math.min(WAIT_MS, (deadlineAt - Date.now()) / 2))
}

/** A client that cancels its poll, as ADBC does, gives the statement up; one whose poll takes too long comes back. */
function cancelWith({ signal }: Context, job: BackgroundStatement): BackgroundStatement {
  const onAbort = () => {
    if (GatewayError.from(signal.reason).code === 'CANCELLED') job.abandon(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return job
}

/** The poll with what planning has told meanwhile. */
function withPlan(poll: Poll, plan: Plan | undefined): Poll {
  if (poll.planned || !plan) return poll
  const ticket = { ...poll.ticket, statement: plan, stored: plan.kind === 'update' }
  return { ...poll, planned: true, schema: plan.schema, ticket }
}
