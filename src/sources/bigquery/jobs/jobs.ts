import { setTimeout as delay } from 'node:timers/promises'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { Bill, JobReference } from '../../../query/billing/charge.ts'
import type { Context } from '../../../query/types.ts'
import { jobError } from '../errors.ts'
import type { ErrorProto, JobResource } from '../rest/api.ts'
import { segments } from '../rest/rest-client.ts'
import { isRefusal, LoginFailure, RestFailure } from '../rest/rest-failure.ts'
import { FIRST_PAGE_ROWS, pageOf, pageRequest, type QueryPage } from '../results/result-pages.ts'
import type { InlineRows } from '../storage/inline-arrow.ts'
import type { Aftercare, JobAccount } from './aftercare.ts'
import { type JobStatement, jobConfiguration } from './job-configuration.ts'
import type { JobDependencies } from './job-dependencies.ts'

/** How long BigQuery holds a call that waits for a job. */
const POLL_MS = 10_000
/** Bounds of the pauses between calls that came back at once though the job still runs. */
const MIN_PAUSE_MS = 25
const MAX_PAUSE_MS = 1000
/** Calls in a row that may fail while the job still runs. */
const MAX_FAILED_POLLS = 8
/** Jobs end at BigQuery a little after the gateway's own deadline, so that the gateway's error is the one to be seen. */
const TIMEOUT_MARGIN_MS = 5000

/** A job that has ended well. */
export interface FinishedJob {
  readonly reference: JobReference
  /** The first rows of its result, if it has one. */
  readonly page: QueryPage
  /** The same rows as Arrow, if they came so; the page then has none. */
  readonly arrow?: InlineRows | undefined
}

/** A job that BigQuery has taken. */
interface Insertion {
  /** Its reference, with the location in which it runs. */
  readonly placed: JobReference
  /** Why it has failed already. */
  readonly errorResult: ErrorProto | undefined
}

/** Runs statements as jobs with ids of the gateway, waits for their end, and cancels those whose clients have left. */
export class Jobs {
  readonly #deps: JobDependencies
  readonly #aftercare: Aftercare

  constructor(deps: JobDependencies, aftercare: Aftercare) {
    this.#deps = deps
    this.#aftercare = aftercare
  }

  /**
   * Runs a statement to its end. The job can be cancelled from its first moment, since the gateway chooses its id.
   * @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal
   */
  async run(
    statement: JobStatement,
    { jobId, location }: { readonly jobId: string; readonly location: string | undefined },
    ctx: Context,
    { onSubmitted, onBill }: JobAccount,
  ): Promise<FinishedJob> {
    const { rest, observer } = this.#deps
    const reference: JobReference = { project: rest.project, location: location ?? '', jobId }
    ctx.signal.throwIfAborted()
    await onSubmitted(reference)
    const startedAt = performance.now()
    const asked = this.#insert(statement, reference, ctx)
    try {
      const { placed, errorResult } = await untilAborted(asked, ctx.signal)
      if (errorResult) throw jobError(errorResult, this.#deps.source)
      const page = await this.wait(placed, ctx)
      observer.onJob('done')
      observer.onWaited((performance.now() - startedAt) / 1000)
      this.#aftercare.bill(placed, onBill)
      return { reference: placed, page }
    } catch (error) {
      observer.onJob(ctx.signal.aborted ? 'cancelled' : 'failed')
      this.#aftercare.run(() => this.#abandoned(asked, reference), onBill)
      throw error
    }
  }

  /**
   * Ends a job whose client has left. The insertion goes on for a moment: a job that began after its cancel would run to its
   * end.
   */
  async #abandoned(asked: Promise<Insertion>, reference: JobReference): Promise<Bill | undefined> {
    try {
      const { placed, errorResult } = await asked
      return await (errorResult ? this.#aftercare.billOf(placed) : this.#aftercare.endOf(placed))
    } catch (error) {
      // What was refused before it became a job bills nothing.
      if (isRefusal(error)) return { billedBytes: 0 }
      // Whether a call that has ended has made a job can be seen; one that still is on its way may make it later.
      const hasEnded = error instanceof RestFailure || error instanceof LoginFailure
      return await this.#aftercare.endOf(reference, !hasEnded)
    }
  }

  /** Sends the job. */
  async #insert(statement: JobStatement, reference: JobReference, ctx: Context): Promise<Insertion> {
    const { rest, source, config } = this.#deps
    const { project, location, jobId } = reference
    const leftMs = ctx.deadlineAt - Date.now()
    const body = {
      configuration: {
        ...jobConfiguration(source, config, statement, ctx),
        // Best effort of BigQuery, for the case that the gateway is gone by then.
        ...(Number.isFinite(leftMs) && { jobTimeoutMs: String(Math.max(1, Math.ceil(leftMs)) + TIMEOUT_MARGIN_MS) }),
      },
      jobReference: { projectId: project, jobId, ...(location !== '' && { location }) },
    }
    const path = `projects/${segments(project)}/jobs`
    const signal = this.#aftercare.outliving(ctx.signal)
    const span = { parent: ctx.span, name: 'jobs.insert' }
    let job: JobResource
    try {
      job = await rest.request<JobResource>({ method: 'POST', path, repeatable: true, body, span }, signal)
    } catch (error) {
      // A repeated call whose first attempt was lost on the way back: the job is there.
      const isThere = error instanceof RestFailure && error.status === 409
      const found = isThere ? await this.#aftercare.get(reference, signal) : undefined
      if (!found) throw error
      job = found
    }
    const placed = { project, jobId, location: job.jobReference?.location ?? location }
    const { state, errorResult } = job.status ?? {}
    return { placed, errorResult: state === 'DONE' ? errorResult : undefined }
  }

  /**
   * Waits until a job has ended, and returns its first page. Only failures of the waiting itself are repeated, not the job's.
   * @throws as `run`
   */
  async wait(reference: JobReference, { signal, span: parent }: Pick<Context, 'signal' | 'span'>): Promise<QueryPage> {
    const { rest, source } = this.#deps
    const span = { parent, name: 'jobs.getQueryResults' }
    let failures = 0
    let pauseMs = MIN_PAUSE_MS
    for (;;) {
      const askedAt = performance.now()
      try {
        const query = { timeoutMs: POLL_MS, maxResults: FIRST_PAGE_ROWS }
        const request = { ...pageRequest(reference, query), repeatable: false, waitMs: POLL_MS, span }
        const page = await pageOf(rest, request, signal)
        if (page.head.jobComplete !== false) return page
        failures = 0
      } catch (error) {
        signal.throwIfAborted()
        // The error of a job that failed looks like an error of the call.
        const job = await this.#aftercare.get(reference, signal)
        const { state, errorResult } = job?.status ?? {}
        if (state === 'DONE' && errorResult) throw jobError(errorResult, source)
        if (!(error instanceof RestFailure) || !error.isTransient || ++failures > MAX_FAILED_POLLS) throw error
      }
      if (performance.now() - askedAt > MAX_PAUSE_MS) continue
      await untilAborted(delay(pauseMs), signal)
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
    }
  }
}
