import { TIMER_SLACK_MS } from '../../async/timer-slack.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'
import type { StatementStatus } from './batch-outcome.ts'

/** How a statement ends that does not succeed, and why. */
export interface Failure {
  readonly status: Exclude<StatementStatus, 'succeeded'>
  readonly error: GatewayError
}

/** Ends a batch early: at its time limit, after a failure, or because its client has left. The first cause counts. */
export class BatchHalt {
  /** When all statements must have ended: at the time limit of the batch, or at the deadline of the call if that is sooner. */
  readonly deadlineAt: number
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #timeoutMs: number
  /** Whether the deadline of the call comes before the time limit of the batch. */
  readonly #isCallSooner: boolean
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = () => this.leave(this.#outer.reason)
  #cause: Failure | undefined
  #left: { readonly error: unknown } | undefined

  /**
   * @param call the context of the call
   * @param timeoutMs time limit of the batch
   */
  constructor(call: Pick<Context, 'signal' | 'deadlineAt'>, timeoutMs: number) {
    const outer = call.signal
    this.#outer = outer
    this.#timeoutMs = timeoutMs
    const limitAt = Date.now() + timeoutMs
    this.#isCallSooner = call.deadlineAt < limitAt
    this.deadlineAt = Math.min(call.deadlineAt, limitAt)
    this.#timer = setTimeout(() => this.#stopLate(), timeoutMs)
    outer.addEventListener('abort', this.#onAbort, { once: true })
    if (outer.aborted) this.#onAbort()
  }

  /** Aborts all statements of the batch. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Why the batch has ended early, and how its running statements end; undefined while it goes on. */
  get cause(): Failure | undefined {
    return this.#cause
  }

  /** Whether the client has left, so that it is told nothing more. */
  get hasLeft(): boolean {
    return this.#left !== undefined
  }

  stop(cause: Failure): void {
    if (this.#cause) return
    this.#cause = cause
    this.#controller.abort(cause.error)
  }

  /** Stops the batch after the failure of a statement. */
  stopAfter(id: string): void {
    const text = `The statement ${JSON.stringify(id.slice(0, 100))} of the batch failed, and stop_on_error is set.`
    this.stop({ status: 'cancelled', error: new GatewayError('CANCELLED', text) })
  }

  /** The client has left. */
  leave(error: unknown): void {
    this.#left ??= { error }
    this.stop({ status: 'cancelled', error: GatewayError.from(error) })
  }

  /** How a statement ends that has thrown an error. */
  failureOf(error: unknown): Failure {
    if (this.#cause) return this.#cause
    const failure = GatewayError.from(error)
    // A source has a timer of its own for the deadline, which may fire before the one of the batch or of the call.
    if (failure.code === 'DEADLINE' && Date.now() >= this.deadlineAt - TIMER_SLACK_MS) {
      if (!this.#isCallSooner) return this.#stopLate()
      this.leave(failure)
    }
    return { status: failure.code === 'CANCELLED' ? 'cancelled' : 'failed', error: failure }
  }

  /** Stops the batch at its time limit. @returns how its running statements end */
  #stopLate(): Failure {
    const text = `The batch took longer than its ${this.#timeoutMs} ms: give it more time (timeout_ms), or send fewer statements at once.`
    const cause: Failure = { status: 'failed', error: new GatewayError('DEADLINE', text) }
    this.stop(cause)
    return cause
  }

  /** Frees the timer. @throws why the client has left */
  close(): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#onAbort)
    if (this.#left) throw this.#left.error
  }
}
