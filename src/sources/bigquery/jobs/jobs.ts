import { setTimeout as delay } from 'node:timers/promises'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { Bill, JobReference } from '../../../query/billing/charge.ts'
import type { Context, Logger } from '../../../query/types.ts'
import { jobError } from '../errors.ts'
import type { BigQueryObserver } from '../metrics.ts'
import type { JobResource } from '../rest/api.ts'
import { QueryPage } from '../rest/query-page.ts'
import { type RestClient, segments } from '../rest/rest-client.ts'
import { RestFailure } from '../rest/rest-failure.ts'
import type { BigQueryConfig } from '../settings.ts'
import { billOf } from './bill-of.ts'
import { type JobStatement, jobConfiguration } from './job-configuration.ts'

/** Rows of the first page: small results come with the call that waits for the job. */
export const FIRST_PAGE_ROWS = 10_000
/** How long BigQuery holds a call that waits for a job. */
const POLL_MS = 10_000
/** Bounds of the pauses between calls that came back at once though the job still runs. */
const MIN_PAUSE_MS = 25
const MAX_PAUSE_MS = 1000
/** Calls in a row that may fail while the job still runs. */
const MAX_FAILED_POLLS = 8
/** Time limit of what the gateway still does for a job that nobody waits for: to cancel it and to ask for its bill. */
const AFTERCARE_MS = 15_000
/** Project's jobs end a little after the gateway's own deadline, so that the gateway's error is the one to be seen. */
const TIMEOUT_MARGIN_MS = 5000

/** A job that has ended well. */
export interface FinishedJob {
  readonly reference: JobReference
  /** The first rows of its result, if it has one. */
  readonly page: QueryPage
  /** What it bills, once BigQuery has told; undefined if it does not tell in time. */
  readonly bill: Promise<Bill | undefined>
}

/** Dependencies of `Jobs`. */
export interface JobDependencies {
  readonly source: string
  readonly config: BigQueryConfig
  readonly rest: RestClient
  readonly observer: BigQueryObserver
  readonly log: Logger
}

/** Runs statements as jobs with ids of the gateway, waits for their end, and cancels those that nobody waits for any more. */
export class Jobs {
  readonly #deps: JobDependencies
  readonly #aftercare = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(deps: JobDependencies) {
    this.#deps = deps
  }

  /**
   * Runs a statement to its end. The job can be cancelled from its first moment, since the gateway chooses its id.
   * @param onBill called once, when the bill is known, or known to stay unknown
   * @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal
   */
  async run(
    statement: JobStatement,
    { jobId, location }: { readonly jobId: string; readonly location: string | undefined },
    ctx: Context,
    onBill: (bill: Bill | undefined) => void,
  ): Promise<FinishedJob> {
    const { rest, observer } = this.#deps
    const reference: JobReference = { project: rest.project, location: location ?? '', jobId }
    ctx.signal.throwIfAborted()
    await ctx.charge?.onSubmitted(reference)
    const startedAt = performance.now()
    let current = reference
    try {
      current = await this.#insert(statement, reference, ctx)
      const page = await this.#wait(current, ctx.signal)
      observer.onJob('done')
      observer.onWaited((performance.now() - startedAt) / 1000)
      const bill = this.#after(() => this.#billOf(current), onBill, ctx.log)
      return { reference: current, page, bill }
    } catch (error) {
      const aborted = ctx.signal.aborted
      observer.onJob(aborted ? 'cancelled' : 'failed')
      const refused = error instanceof RestFailure && error.status >= 400 && error.status < 500
      // What was refused before it became a job bills nothing.
      if (!aborted && refused && current === reference) onBill({ billedBytes: 0 })
      else this.#after(() => this.#end(current, aborted), onBill, ctx.log)
      throw error
    }
  }

  /** A job as it is now; undefined if there is none. @throws RestFailure, LoginFailure, or the signal's reason */
  async get({ project, location, jobId }: JobReference, signal: AbortSignal): Promise<JobResource | undefined> {
    const path = `projects/${segments(project)}/jobs/${segments(jobId)}`
    const query = { location: location === '' ? undefined : location }
    try {
      return await this.#deps.rest.request<JobResource>({ method: 'GET', path, query, repeatable: true }, signal)
    } catch (error) {
      if (error instanceof RestFailure && error.status === 404) return undefined
      throw error
    }
  }

  /** Waits for the calls that cancel jobs and ask for bills, bounded. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#closing.abort(new Error('the source closes')), 3000)
    await Promise.allSettled(this.#aftercare)
    clearTimeout(timer)
  }

  /** Sends the job. @returns its reference with the location in which it runs */
  async #insert(statement: JobStatement, reference: JobReference, ctx: Context): Promise<JobReference> {
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
    let job: JobResource
    try {
      job = await rest.request<JobResource>({ method: 'POST', path, repeatable: true, body }, ctx.signal)
    } catch (error) {
      // A repeated call whose first attempt was lost on the way back: the job is there.
      const isThere = error instanceof RestFailure && error.status === 409
      const found = isThere ? await this.get(reference, ctx.signal) : undefined
      if (!found) throw error
      job = found
    }
    const placed = { project, jobId, location: job.jobReference?.location ?? location }
    const { state, errorResult } = job.status ?? {}
    if (state === 'DONE' && errorResult) throw jobError(errorResult, source)
    return placed
  }

  /** Waits until the job has ended. Only failures of the waiting itself are repeated, not the job's. */
  async #wait(reference: JobReference, signal: AbortSignal): Promise<QueryPage> {
    const { rest, source } = this.#deps
    const { project, location, jobId } = reference
    let failures = 0
    let pauseMs = MIN_PAUSE_MS
    for (;;) {
      const askedAt = performance.now()
      try {
        const body = await rest.raw(
          {
            method: 'GET',
            path: `projects/${segments(project)}/queries/${segments(jobId)}`,
            query: {
              location: location === '' ? undefined : location,
              timeoutMs: POLL_MS,
              maxResults: FIRST_PAGE_ROWS,
              'formatOptions.useInt64Timestamp': true,
            },
            repeatable: false,
            waitMs: POLL_MS,
          },
          signal,
        )
        const page = await QueryPage.of(body)
        if (page.head.jobComplete !== false) return page
        failures = 0
      } catch (error) {
        signal.throwIfAborted()
        // The error of a job that failed looks like an error of the call.
        const job = await this.get(reference, signal)
        const { state, errorResult } = job?.status ?? {}
        if (state === 'DONE' && errorResult) throw jobError(errorResult, source)
        if (!(error instanceof RestFailure) || !error.isTransient || ++failures > MAX_FAILED_POLLS) throw error
      }
      if (performance.now() - askedAt > MAX_PAUSE_MS) continue
      await untilAborted(delay(pauseMs), signal)
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
    }
  }

  /** The bill of a job that has ended, and whose statistics may come a moment later. */
  async #billOf(reference: JobReference): Promise<Bill | undefined> {
    const signal = this.#aftercareSignal()
    for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const job = await this.get(reference, signal)
      // What never became a job bills nothing.
      if (!job) return { billedBytes: 0 }
      const bill = billOf(job)
      if (bill) return bill
      await untilAborted(delay(pauseMs), signal)
    }
  }

  /** Ends a job that failed, or that nobody waits for, and returns its bill: also a cancelled job can bill. */
  async #end(reference: JobReference, isCancelled: boolean): Promise<Bill | undefined> {
    if (isCancelled) await this.#cancel(reference)
    return await this.#billOf(reference)
  }

  async #cancel({ project, location, jobId }: JobReference): Promise<void> {
    const { rest, log } = this.#deps
    const path = `projects/${segments(project)}/jobs/${segments(jobId)}/cancel`
    const query = { location: location === '' ? undefined : location }
    const signal = this.#aftercareSignal()
    // The insertion may still be on its way when the client has left already.
    for (let attempt = 1; ; attempt++) {
      try {
        await rest.request({ method: 'POST', path, query, repeatable: true }, signal)
        return
      } catch (error) {
        const isMissing = error instanceof RestFailure && error.status === 404
        if (!isMissing || attempt > 5) {
          log.warn({ event: 'cancel', jobId, cause: (error as Error).message }, 'a job could not be cancelled')
          return
        }
        await untilAborted(delay(100 * attempt), signal)
      }
    }
  }

  #aftercareSignal(): AbortSignal {
    return AbortSignal.any([this.#closing.signal, AbortSignal.timeout(AFTERCARE_MS)])
  }

  /** Does something for a job that no call waits for. */
  #after(
    work: () => Promise<Bill | undefined>,
    onBill: (bill: Bill | undefined) => void,
    log: Logger,
  ): Promise<Bill | undefined> {
    const { observer } = this.#deps
    const task = work()
      .catch((error: unknown) => {
        log.warn({ event: 'bill', cause: (error as Error).message }, 'the bill of a job is not known')
        return undefined
      })
      .then((bill) => {
        if (bill) observer.onBill(bill.processedBytes ?? 0, bill.billedBytes)
        onBill(bill)
        return bill
      })
      .finally(() => this.#aftercare.delete(task))
    this.#aftercare.add(task)
    return task
  }
}
