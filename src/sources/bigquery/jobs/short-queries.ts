import { untilAborted } from '../../../async/until-aborted.ts'
import type { Bill, JobReference } from '../../../query/billing/charge.ts'
import type { Context } from '../../../query/types.ts'
import type { QueryResultsHead } from '../rest/api.ts'
import { segments } from '../rest/rest-client.ts'
import { isRefusal } from '../rest/rest-failure.ts'
import { wholeNumberOf } from '../rest/whole-number.ts'
import { FIRST_PAGE_ROWS, pageOf } from '../results/result-pages.ts'
import { framesOfInlineArrow } from '../storage/inline-arrow.ts'
import type { Aftercare, JobAccount } from './aftercare.ts'
import { type JobStatement, jobMembers, queryMembers } from './job-configuration.ts'
import type { JobDependencies } from './job-dependencies.ts'
import type { FinishedJob, Jobs } from './jobs.ts'

/** How long BigQuery holds the call: if the statement takes longer, the gateway learns its job by then, and can cancel it. */
const HOLD_MS = 1000

/**
 * Runs statements by one call that also brings the first rows (`jobs.query`). BigQuery chooses the job's id, so that the job can
 * be cancelled only once the call has returned, after a second at the latest. It always makes a job (JOB_CREATION_REQUIRED): one
 * without could neither be cancelled nor asked for its bill.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query.
 */
export class ShortQueries {
  readonly #deps: JobDependencies
  readonly #jobs: Jobs
  readonly #aftercare: Aftercare

  constructor(deps: JobDependencies, jobs: Jobs, aftercare: Aftercare) {
    this.#deps = deps
    this.#jobs = jobs
    this.#aftercare = aftercare
  }

  /**
   * Runs a statement to its end.
   * @param requestId by which BigQuery knows a repeated call again for 15 minutes; at most 36 characters
   * @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal
   */
  async run(
    statement: JobStatement,
    { requestId, location }: { readonly requestId: string; readonly location: string | undefined },
    ctx: Context,
    { onSubmitted, onBill }: JobAccount,
  ): Promise<FinishedJob> {
    const { rest, observer } = this.#deps
    ctx.signal.throwIfAborted()
    await onSubmitted({ project: rest.project, location: location ?? '', jobId: requestId })
    const startedAt = performance.now()
    const asked = this.#ask(statement, requestId, location, ctx)
    try {
      const first = await untilAborted(asked, ctx.signal)
      const page = first.page.head.jobComplete === false ? await this.#jobs.wait(first.reference, ctx) : first.page
      observer.onJob('done')
      observer.onWaited((performance.now() - startedAt) / 1000)
      const bill = billOfHead(page.head)
      if (bill) this.#aftercare.run(async () => bill, onBill)
      else this.#aftercare.bill(first.reference, onBill)
      return { reference: first.reference, page, arrow: this.#arrowOf(page.head) }
    } catch (error) {
      const isAborted = ctx.signal.aborted
      observer.onJob(isAborted ? 'cancelled' : 'failed')
      // The call goes on for a moment, to learn which job it has made.
      this.#aftercare.run(async () => {
        let first: Awaited<typeof asked>
        try {
          first = await asked
        } catch (failure) {
          // Without an answer the job may exist, with an id that the gateway does not know: its bill stays unknown.
          return isRefusal(failure) ? { billedBytes: 0 } : undefined
        }
        // Nobody waits for it any more, whatever the reason.
        return await (first.page.head.jobComplete === false
          ? this.#aftercare.endOf(first.reference)
          : this.#aftercare.billOf(first.reference))
      }, onBill)
      throw error
    }
  }

  async #ask(statement: JobStatement, requestId: string, location: string | undefined, ctx: Context) {
    const { rest, source, config } = this.#deps
    const body = {
      ...jobMembers(source, config, statement.query, ctx),
      ...queryMembers(statement, config),
      ...(location !== undefined && { location }),
      requestId,
      jobCreationMode: 'JOB_CREATION_REQUIRED',
      timeoutMs: HOLD_MS,
      maxResults: FIRST_PAGE_ROWS,
      formatOptions: { useInt64Timestamp: true },
      ...(config.arrowResults && { queryResultsFormat: 'ARROW' }),
    }
    const path = `projects/${segments(rest.project)}/queries`
    const signal = this.#aftercare.outliving(ctx.signal)
    const span = { parent: ctx.span, name: 'jobs.query' }
    const request = { method: 'POST', path, body, repeatable: 'unanswered', waitMs: HOLD_MS, span } as const
    const page = await pageOf(rest, request, signal)
    const {
      projectId = rest.project,
      jobId = requestId,
      location: placed = location ?? '',
    } = page.head.jobReference ?? {}
    const reference: JobReference = { project: projectId, location: placed, jobId }
    return { reference, page }
  }

  #arrowOf({ arrowSchema, arrowRecordBatch }: QueryResultsHead): FinishedJob['arrow'] {
    const schema = arrowSchema?.serializedSchema
    if (!schema) return undefined
    return framesOfInlineArrow(this.#deps.source, schema, arrowRecordBatch?.serializedRecordBatch)
  }
}

/** The bill, if the answer has it. */
function billOfHead(head: QueryResultsHead): Bill | undefined {
  const { totalBytesBilled, totalBytesProcessed, totalSlotMs, cacheHit, jobReference } = head
  const billedBytes = wholeNumberOf(totalBytesBilled)
  if (billedBytes === undefined) return undefined
  const processedBytes = wholeNumberOf(totalBytesProcessed)
  const slotMs = wholeNumberOf(totalSlotMs)
  return {
    billedBytes,
    ...(processedBytes !== undefined && { processedBytes }),
    ...(slotMs !== undefined && { slotMs }),
    ...(cacheHit !== undefined && { cacheHit }),
    ...(jobReference?.location !== undefined && { location: jobReference.location }),
  }
}
