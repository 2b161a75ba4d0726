import { columnsOf, createRowEncoder, type RowEncoderOptions } from '../../../arrow/text/row-encoder.ts'
import { deriveContext } from '../../../query/derive-context.ts'
import { type TimeLimit, timeLimit } from '../../../query/time-limit.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'
import { answerErrorOf } from '../answer/answer-error.ts'
import { timeoutMsOf } from '../body/statement-body.ts'
import { statementRequestOf } from '../body/statement-request.ts'
import { scopeOf } from '../call/call-scope.ts'
import type { HttpCall } from '../call/http-call.ts'
import { problemOf } from '../call/problem.ts'
import { timeOver } from '../call/time-over.ts'
import type { HttpFront } from '../front.ts'
import { rowLists } from '../rows/row-lists.ts'
import type { EventsBody } from '../schemas/events.ts'
import { metricsJson } from '../schemas/metrics.ts'
import type { EventStream } from './event-stream.ts'

const PROGRESS_INTERVAL_MS = 1000
const listStart = Buffer.from('[')
const listEnd = Buffer.from(']')

/**
 * Runs a statement and sends what comes of it as events. The statement has a signal of its own: when its time is over, the call
 * goes on, so that the client is told in an event.
 */
export class StatementEvents {
  readonly #front: HttpFront
  readonly #call: HttpCall
  readonly #body: EventsBody
  readonly #onStart: (statement: StartedStatement) => void
  readonly #limit: TimeLimit
  readonly #deadlineAt: number
  readonly #startedAt = performance.now()
  #started: StartedStatement | undefined
  #rows = 0
  #reported = ''
  #reportedAt = performance.now()

  /** @param onStart called before the first event of a statement that runs */
  constructor(front: HttpFront, call: HttpCall, body: EventsBody, onStart: (statement: StartedStatement) => void) {
    const timeoutMs = Math.min(timeoutMsOf(body) ?? Number.POSITIVE_INFINITY, call.deadlineAt - Date.now())
    this.#front = front
    this.#call = call
    this.#body = body
    this.#onStart = onStart
    this.#deadlineAt = Date.now() + timeoutMs
    this.#limit = timeLimit(call.signal, timeoutMs, () => timeOver(timeoutMs))
  }

  /** Sends the result: `schema`, `rows`, and at last `progress` and `end`. @throws GatewayError, ArrowError */
  async run(events: EventStream): Promise<void> {
    const call = scopeOf(this.#call)
    const { signal } = this.#limit
    const ctx = deriveContext(call.ctx, { signal, deadlineAt: this.#deadlineAt, trackProgress: true })
    const scope = { ...call, ctx }
    const { statements } = this.#front
    this.#started = await statements.requests.start(statementRequestOf(this.#body), scope)
    this.#onStart(this.#started)
    const { result } = this.#started
    const encoder = createRowEncoder('json', result.schema, this.#encoderOptions)
    await events.sendJson('schema', { columns: columnsOf(result.schema) })
    for await (const { chunks, rows } of rowLists(result, encoder)) {
      await events.send('rows', [listStart, ...chunks, listEnd])
      this.#rows += rows
    }
    await this.#sendProgress(events)
    await events.sendJson('end', this.#summary(this.#started))
  }

  /** Sends the event `progress` if the last one is old enough and anything has changed since. */
  reportProgress(events: EventStream): void {
    if (!this.#started || performance.now() - this.#reportedAt < PROGRESS_INTERVAL_MS) return
    // A client that has left is noticed by the next event.
    this.#sendProgress(events).catch(() => {})
  }

  /** Sends the event `error`. @throws GatewayError if the call itself has failed */
  async fail(events: EventStream, thrown: unknown): Promise<void> {
    const error = answerErrorOf(thrown)
    await events.sendJson('error', problemOf(error, this.#call.requestId))
    this.#call.report(error)
  }

  /** Frees the timer. */
  close(): void {
    this.#limit.clear()
  }

  get #encoderOptions(): RowEncoderOptions {
    const { chunk_size, row_format, numbers } = this.#body
    return { chunkRows: chunk_size, rowFormat: row_format, numbers, maxRowBytes: this.#front.limits.maxRowBytes }
  }

  async #sendProgress(events: EventStream): Promise<void> {
    const progress = this.#started?.result.progress?.()
    const figures = {
      rows: this.#rows,
      bytes: this.#started?.metrics().bytes ?? 0,
      percent: progress === undefined ? null : Math.round(Math.min(1, Math.max(0, progress)) * 1000) / 10,
    }
    const text = JSON.stringify(figures)
    if (text === this.#reported) return
    this.#reported = text
    this.#reportedAt = performance.now()
    await events.sendJson('progress', { ...figures, elapsed_ms: Math.round(performance.now() - this.#startedAt) })
  }

  #summary({ plan, result, queryId, metrics }: StartedStatement) {
    const { affectedRows } = result.stats
    return {
      row_count: this.#rows,
      affected_rows: plan.kind !== 'read' && affectedRows >= 0 ? affectedRows : null,
      query_id: queryId() ?? null,
      metrics: metricsJson(metrics()),
    }
  }
}
