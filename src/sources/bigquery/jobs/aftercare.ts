import { setTimeout as delay } from 'node:timers/promises'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { Bill, JobReference } from '../../../query/billing/charge.ts'
import type { JobResource } from '../rest/api.ts'
import { segments } from '../rest/rest-client.ts'
import { RestFailure } from '../rest/rest-failure.ts'
import { billOf } from './bill-of.ts'
import type { JobDependencies } from './job-dependencies.ts'

/** Time limit of what the gateway still does for a job whose client has left: to cancel it and to ask for its bill. */
const AFTERCARE_MS = 15_000
/** How long the end of the source waits for that. */
const CLOSE_MS = 3000
/** Bounds of the pauses between calls that ask for a bill. */
const MIN_PAUSE_MS = 25
const MAX_PAUSE_MS = 1000
const MAX_CANCELS = 5

/** Called once, when a bill is known, or known to stay unknown. */
export type OnBill = (bill: Bill | undefined) => void

/** Who pays for a job. */
export interface JobAccount {
  /** BigQuery gets the job now. @throws GatewayError if it must not get it; then there is no bill */
  readonly onSubmitted: (job: JobReference) => Promise<void>
  readonly onBill: OnBill
}

/** What happens to jobs that no call waits for: they are cancelled, and their bills asked for. All of it is bounded in time. */
export class Aftercare {
  readonly #deps: JobDependencies
  readonly #tasks = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(deps: JobDependencies) {
    this.#deps = deps
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

  /** Asks for the bill of a job that has ended, or will end soon. */
  bill(reference: JobReference, onBill: OnBill): void {
    this.run(() => this.billOf(reference), onBill)
  }

  /** Does something that ends with a bill, while no call waits for it. */
  run(work: () => Promise<Bill | undefined>, onBill: OnBill): void {
    const { observer, log } = this.#deps
    const task = work()
      .catch((error: unknown) => {
        log.warn({ event: 'bill', cause: (error as Error).message }, 'the bill of a job is not known')
        return undefined
      })
      .then((bill) => {
        if (bill) observer.onBill(bill.processedBytes ?? 0, bill.billedBytes)
        onBill(bill)
      })
      .catch((error: unknown) => log.error({ event: 'bill', err: error }, 'a bill could not be booked'))
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  /** A signal for a call whose answer is needed even if its client leaves: it aborts a while after the outer one. */
  outliving(outer: AbortSignal): AbortSignal {
    const controller = new AbortController()
    const abort = () => controller.abort(outer.reason)
    const onAbort = () => setTimeout(abort, AFTERCARE_MS).unref()
    if (outer.aborted) onAbort()
    else outer.addEventListener('abort', onAbort, { once: true })
    return AbortSignal.any([controller.signal, this.#closing.signal])
  }

  /** Waits for what is under way, bounded. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#closing.abort(new Error('the source closes')), CLOSE_MS)
    await Promise.allSettled(this.#tasks)
    clearTimeout(timer)
    this.#closing.abort(new Error('the source closes'))
  }

  /**
   * The bill of a job that has ended, and whose statistics may come a moment later.
   * @param mayCome whether a job that is not there may still come; else it bills nothing
   */
  async billOf(reference: JobReference, mayCome = false): Promise<Bill | undefined> {
    const signal = this.#signal()
    for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const job = await this.get(reference, signal)
      if (!job) return mayCome ? undefined : { billedBytes: 0 }
      const bill = billOf(job)
      if (bill) return bill
      await untilAborted(delay(pauseMs), signal)
    }
  }

  /** Cancels a job and returns its bill, since a cancelled job can bill. @throws as `billOf` */
  async endOf(reference: JobReference, mayCome = false): Promise<Bill | undefined> {
    await this.#cancel(reference)
    return await this.billOf(reference, mayCome)
  }

  async #cancel({ project, location, jobId }: JobReference): Promise<void> {
    const { rest, log } = this.#deps
    const path = `projects/${segments(project)}/jobs/${segments(jobId)}/cancel`
    const query = { location: location === '' ? undefined : location }
    const signal = this.#signal()
    // The insertion may still be on its way when the client has left already.
    for (let attempt = 1; ; attempt++) {
      try {
        await rest.request({ method: 'POST', path, query, repeatable: true }, signal)
        return
      } catch (error) {
        const isMissing = error instanceof RestFailure && error.status === 404
        if (!isMissing || attempt > MAX_CANCELS) {
          log.warn({ event: 'cancel', jobId, cause: (error as Error).message }, 'a job could not be cancelled')
          return
        }
        await untilAborted(delay(100 * attempt), signal)
      }
    }
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#closing.signal, AbortSignal.timeout(AFTERCARE_MS)])
  }
}
