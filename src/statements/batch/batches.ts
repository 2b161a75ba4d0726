import { randomUUID } from 'node:crypto'
import { concurrently } from '../../async/concurrently.ts'
import { deriveContext } from '../../query/derive-context.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Estimate } from '../../query/estimate.ts'
import type { Plan } from '../../query/types.ts'
import { statementTickets } from '../handles/ticket.ts'
import { checkMayRun } from '../option-headers.ts'
import type { CallScope } from '../query-builder.ts'
import type { StatementRequest } from '../requests/statement-request.ts'
import type { SourceEstimate } from '../requests/statement-requests.ts'
import { type BatchBounds, type BatchOptions, boundsOf, idsOf } from './batch-bounds.ts'
import type { BatchDependencies } from './batch-dependencies.ts'
import { BatchHalt } from './batch-halt.ts'
import type { BatchSink, BatchSummary } from './batch-outcome.ts'
import { BatchRun } from './batch-run.ts'
import { SlotTurns } from './slot-turns.ts'
import { totalOf } from './total-estimate.ts'

/** The ticket of a planned statement. */
export interface PlannedTicket {
  /** The sealed ticket, as in a FlightInfo of the Flight front; any replica redeems it. */
  readonly handle: Uint8Array
  readonly plan: Plan
  /** Expiry of the ticket, in Unix milliseconds. */
  readonly expiresAt: number
}

/** What came of one statement of a batch: what was asked for, or why there is none. */
export type Answer<T> =
  | { readonly id: string; readonly value: T }
  | { readonly id: string; readonly error: GatewayError }

/** The estimates of a batch. */
export interface BatchEstimate {
  /** In the order of the statements. */
  readonly answers: readonly Answer<SourceEstimate>[]
  /** The sum. A figure is absent if it is absent for any statement. */
  readonly total: Estimate
}

/** Batches of statements, each with a result of its own. Nothing is kept of a batch between calls. */
export class Batches {
  readonly #deps: BatchDependencies

  constructor(deps: BatchDependencies) {
    this.#deps = deps
  }

  /**
   * Plans all statements, then runs them: in their order, at most `maxConcurrency` at the same time. Returns once all have ended.
   * A failure of one statement is an outcome, not an error of the batch.
   * @throws GatewayError BAD_REQUEST for a batch outside its bounds; RATE_LIMITED; what refuses the batch as a whole, before `sink` is called;
   *   why the client has left
   */
  async run(
    requests: readonly StatementRequest[],
    options: BatchOptions,
    scope: CallScope,
    sink: BatchSink,
  ): Promise<BatchSummary> {
    checkMayRun(scope.ctx)
    const { ids, bounds } = await this.#read(requests, options, scope)
    const statements = requests.map((request, i) => ({ id: ids[i]!, request }))
    return await new BatchRun(this.#deps, statements, bounds, scope, sink).run()
  }

  /**
   * Plans the statements and seals a ticket for each one that only reads. Nothing runs.
   * @param estimate whether planning must return estimates even if that costs the engine extra work
   * @returns the answers in the order of the statements
   * @throws GatewayError as `run`
   */
  async plan(
    requests: readonly StatementRequest[],
    options: BatchOptions,
    scope: CallScope,
    estimate = false,
  ): Promise<readonly Answer<PlannedTicket>[]> {
    return await this.#each(requests, options, scope, (request, own) => this.#ticketOf(request, own, estimate))
  }

  /** Estimates the statements. Nothing runs. @throws GatewayError as `run` */
  async estimate(requests: readonly StatementRequest[], scope: CallScope): Promise<BatchEstimate> {
    const answers = await this.#each(requests, {}, scope, (request, own) => this.#deps.requests.estimate(request, own))
    return { answers, total: totalOf(answers.map((each) => ('value' in each ? each.value.estimate : undefined))) }
  }

  async #read(
    requests: readonly StatementRequest[],
    options: BatchOptions,
    { ctx }: CallScope,
  ): Promise<{ ids: readonly string[]; bounds: BatchBounds }> {
    const { limits, takeRequests } = this.#deps
    const read = { ids: idsOf(requests, limits), bounds: boundsOf(options, limits) }
    if (requests.length > 1) await takeRequests?.(requests.length - 1, ctx)
    return read
  }

  async #each<T>(
    requests: readonly StatementRequest[],
    options: BatchOptions,
    scope: CallScope,
    work: (request: StatementRequest, scope: CallScope) => Promise<T>,
  ): Promise<readonly Answer<T>[]> {
    const { ids, bounds } = await this.#read(requests, options, scope)
    const halt = new BatchHalt(scope.ctx, bounds.timeoutMs)
    const { signal, deadlineAt } = halt
    const own = { ...scope, ctx: deriveContext(scope.ctx, { signal, deadlineAt }) }
    const turns = new SlotTurns()
    const answers: Answer<T>[] = []
    try {
      await concurrently(requests, bounds.maxConcurrency, async (request, i) => {
        const id = ids[i]!
        try {
          signal.throwIfAborted()
          const value = await turns.take(request, signal, () => work(request, own))
          answers[i] = { id, value }
        } catch (thrown) {
          const { error } = halt.failureOf(thrown)
          answers[i] = { id, error }
          if (bounds.stopOnError) halt.stopAfter(id)
        } finally {
          turns.end(request)
        }
      })
    } finally {
      halt.close()
    }
    return answers
  }

  async #ticketOf(request: StatementRequest, scope: CallScope, estimate: boolean): Promise<PlannedTicket> {
    const { requests, parameters, sealer, limits } = this.#deps
    const { ctx } = scope
    const query = await requests.queryOf(request, scope)
    const plan = await requests.plan(estimate ? { ...query, estimate } : query, ctx)
    if (plan.kind !== 'read')
      throw new GatewayError(
        'BAD_REQUEST',
        'The statement changes data, and a plan runs nothing: run it with Execute or ExecuteBatch.',
      )
    const bound = query.parameters && (await parameters.keep(ctx.principal, query.parameters))
    const expiresAt = Date.now() + limits.ticketTtlMs
    const ticket = { id: randomUUID(), statement: plan, stored: false, ...(bound && { bound }) }
    return { handle: statementTickets.seal(sealer, ctx.principal, expiresAt, ticket), plan, expiresAt }
  }
}
