import { deriveContext } from '../derive-context.ts'
import { GatewayError } from '../errors.ts'
import type { ResultObserver, StopResult } from '../results/holding.ts'
import type { StatementTrace } from '../statement-trace.ts'
import type { Context, Query } from '../types.ts'
import { killedByOperator } from './killed-by-operator.ts'

/** A statement that waits or runs on a replica. */
export interface ActiveStatement {
  /** Id for `cancel`, for the audit line and for `StatementTrace.queryId`. */
  readonly id: string
  readonly principal: string
  readonly source: string
  /** The first 2,000 characters of the text. */
  readonly text: string
  /** `queued` while it waits for its transaction or for a slot. */
  readonly state: 'queued' | 'running'
  /** Unix time in milliseconds. */
  readonly startedAt: number
  /** Rows that the client has read so far. */
  readonly rows: number
  /** Arrow bytes that the client has read so far. */
  readonly bytes: number
  /** What it was expected to cost when it began, in US dollars; absent if the source does not bill or cannot tell. */
  readonly estimatedCostUsd?: number | undefined
  readonly requestId: string
}

const MAX_TEXT_CHARACTERS = 2000

/** A statement from its start until its result has been read. */
export class TrackedStatement implements ResultObserver {
  readonly id: string
  readonly startedAt = Date.now()
  /** The context to run the statement with: a cancel aborts its signal. */
  readonly ctx: Context
  readonly #query: Query
  readonly #trace: StatementTrace
  readonly #all: Map<string, TrackedStatement>
  /** Absent if ending the reader aborts the context's signal. */
  readonly #controller: AbortController | undefined
  readonly #outer: Context
  readonly #estimatedCostUsd: number | undefined
  #stop: StopResult | undefined
  #rows = 0
  #bytes = 0

  constructor(
    id: string,
    query: Query,
    outer: Context,
    all: Map<string, TrackedStatement>,
    estimatedCostUsd: number | undefined,
  ) {
    this.id = id
    this.#estimatedCostUsd = estimatedCostUsd
    this.#query = query
    this.#outer = outer
    this.#all = all
    this.#trace = outer.trace ?? {}
    this.#trace.queryId = id
    if (outer.reader) {
      this.ctx = outer.trace ? outer : deriveContext(outer, { trace: this.#trace })
      return
    }
    this.#controller = new AbortController()
    this.ctx = deriveContext(outer, { trace: this.#trace, signal: this.#controller.signal })
    outer.signal.addEventListener('abort', this.#onOuterAbort, { once: true })
    if (outer.signal.aborted) this.#onOuterAbort()
  }

  get principal(): string {
    return this.#outer.principal.name
  }

  get source(): string {
    return this.#query.source
  }

  onStart(stop: StopResult): void {
    this.#stop = stop
  }

  onBatch(rows: number, bytes: number): void {
    this.#rows += rows
    this.#bytes += bytes
  }

  onEnd(): void {
    this.#all.delete(this.id)
    if (this.#controller) this.#outer.signal.removeEventListener('abort', this.#onOuterAbort)
  }

  describe(): ActiveStatement {
    const { queueWaitMs, isShared } = this.#trace
    return {
      id: this.id,
      principal: this.principal,
      source: this.source,
      text: this.#query.sql.slice(0, MAX_TEXT_CHARACTERS),
      state: queueWaitMs === undefined && !isShared ? 'queued' : 'running',
      startedAt: this.startedAt,
      rows: this.#rows,
      bytes: this.#bytes,
      estimatedCostUsd: this.#estimatedCostUsd,
      requestId: this.#outer.requestId,
    }
  }

  /** Ends the statement. @param by name of the principal that cancels it */
  cancel(by: string): void {
    const { log, requestId, principal } = this.#outer
    const reason =
      by === principal.name
        ? new GatewayError('CANCELLED', `The statement was cancelled by another call of ${by}.`)
        : killedByOperator(by)
    log.info(
      { event: 'query_cancelled', queryId: this.id, requestId, principal: principal.name, by },
      'query cancelled',
    )
    this.end(reason)
  }

  /** Ends the statement with an error. */
  end(reason: GatewayError): void {
    const { reader } = this.#outer
    if (reader) {
      reader.end(reason)
      return
    }
    this.#controller!.abort(reason)
    // A reader that does not pull would not notice the signal.
    this.#stop?.(reason)
  }

  readonly #onOuterAbort = () => this.#controller!.abort(this.#outer.signal.reason)
}
