import { countsOf, type MetricJson, type ProcessMetrics, sumOfCounts } from '../ops/processes/process-metrics.ts'

/** Time that a worker has to tell its metrics, in milliseconds. */
const ANSWER_MS = 1000
/** Label of the primary process. */
const PRIMARY = 'primary'
const ENDED = 'ended'

/** A worker, as the gathering needs it. */
export interface AskedWorker {
  readonly number: number
  /** Asks for the worker's metrics; the answer comes to `answered`. */
  ask(question: number): void
}

/**
 * Gathers the metrics of all workers. The counts of a worker that has ended, and of one that does not answer, stay as they were
 * told last, so that no counter of the sum decreases: monitoring would take that for a restart of the gateway.
 */
export class GatheredMetrics {
  readonly #ownMetrics: () => Promise<readonly MetricJson[]>
  readonly #lastCounts = new Map<number, readonly MetricJson[]>()
  readonly #questions = new Map<number, (metrics: readonly MetricJson[]) => void>()
  #ended: Promise<readonly MetricJson[]> = Promise.resolve([])
  #lastQuestion = 0

  /** @param ownMetrics of the primary process */
  constructor(ownMetrics: () => Promise<readonly MetricJson[]>) {
    this.#ownMetrics = ownMetrics
  }

  /** Asks all workers at the same time. */
  async gather(workers: readonly AskedWorker[]): Promise<readonly ProcessMetrics[]> {
    // As of now: a worker that ends meanwhile counts once, as it is in `asked`.
    const ended = this.#ended
    const asked = workers.map(async ({ number, ask }): Promise<ProcessMetrics> => {
      const before = this.#lastCounts.get(number)
      const metrics = await this.#answerOf(ask)
      if (metrics) this.#lastCounts.set(number, countsOf(metrics))
      return { worker: String(number), metrics: metrics ?? before ?? [] }
    })
    const own = { worker: PRIMARY, metrics: await this.#ownMetrics() }
    const all = await Promise.all(asked)
    return [...all, own, { worker: ENDED, metrics: await ended }]
  }

  answered(question: number, metrics: readonly MetricJson[]): void {
    this.#questions.get(question)?.(metrics)
  }

  /** A worker has ended. */
  ended(worker: number): void {
    const counts = this.#lastCounts.get(worker)
    this.#lastCounts.delete(worker)
    if (counts) this.#ended = this.#ended.then((before) => sumOfCounts([before, counts]))
  }

  async #answerOf(ask: (question: number) => void): Promise<readonly MetricJson[] | undefined> {
    const question = ++this.#lastQuestion
    const { promise, resolve } = Promise.withResolvers<readonly MetricJson[] | undefined>()
    this.#questions.set(question, resolve)
    const timer = setTimeout(resolve, ANSWER_MS, undefined)
    ask(question)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#questions.delete(question)
    }
  }
}
