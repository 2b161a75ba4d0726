import { aborted } from 'node:util'
import CircuitBreaker from 'opossum'
import { ConnectionPace } from '../../../grpc/client/connection-pace.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError, type GrpcStatusName } from '../../../query/errors.ts'

/** Where a breaker stands. */
export type BreakerState = 'open' | 'half-open' | 'closed'

const OPTIONS = {
  timeout: false as const,
  errorThresholdPercentage: 50,
  volumeThreshold: 5,
  rollingCountTimeout: 10_000,
  rollingCountBuckets: 10,
  rollingPercentilesEnabled: false,
  resetTimeout: 5000,
}

/** Rejects calls to an address that does not answer, and lets one through every five seconds to probe it. */
export class Breaker {
  /** Work that shows whether the address answers again. Runs as soon as the breaker is half-open. */
  probe: (() => Promise<void>) | undefined
  /** Limits how fast all pools of the address together open connections. */
  readonly pace = new ConnectionPace()
  readonly #source: string
  #probing: Promise<unknown> | undefined
  readonly #circuit: CircuitBreaker<[() => Promise<unknown>], unknown>

  /** @param onChange told of each new state */
  constructor(source: string, onChange: (state: BreakerState) => void) {
    this.#source = source
    this.#circuit = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
      ...OPTIONS,
      // A filtered error counts as a success, which would close a half-open breaker without proof.
      errorFilter: (error: unknown) => !isFault(error) && !(this.#circuit.halfOpen && !isAnswer(error)),
    })
    this.#circuit.on('open', () => onChange('open'))
    this.#circuit.on('halfOpen', () => {
      onChange('half-open')
      if (this.probe)
        this.#probing = this.guard(this.probe)
          .catch(() => {})
          .finally(() => {
            this.#probing = undefined
          })
    })
    this.#circuit.on('close', () => onChange('closed'))
  }

  get state(): BreakerState {
    if (this.#circuit.halfOpen) return 'half-open'
    return this.#circuit.opened ? 'open' : 'closed'
  }

  /**
   * Does work whose outcome the breaker counts.
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; what the work throws
   */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return (await this.#circuit.fire(work)) as T
    } catch (error) {
      if ((error as { code?: unknown }).code === 'EOPENBREAKER')
        throw new GatewayError(
          'SOURCE_UNAVAILABLE',
          `The source ${this.#source} has failed too often just now (circuit breaker open): try again later.`,
          { cause: error, retryAfterMs: OPTIONS.resetTimeout },
        )
      throw error
    }
  }

  /** Waits for the running probe, if there is one. @throws the signal's reason */
  async probed(signal: AbortSignal): Promise<void> {
    if (!this.#probing) return
    signal.throwIfAborted()
    await Promise.race([this.#probing, aborted(signal, this.#probing)])
    signal.throwIfAborted()
  }

  /** Opens the breaker. */
  trip(): void {
    this.#circuit.open()
  }

  close(): void {
    this.#circuit.shutdown()
  }
}

/** Whether an error says that the breaker is open, so that nothing was sent to the upstream. */
export function isBreakerOpen(error: unknown): boolean {
  return error instanceof GatewayError && (error.cause as { code?: unknown } | undefined)?.code === 'EOPENBREAKER'
}

/** Statuses of our own that say nothing of the upstream, or that its answer to one statement has caused. */
const harmless = new Set<GrpcStatusName>(['CANCELLED', 'RESOURCE_EXHAUSTED', 'DATA_LOSS', 'INTERNAL'])

/**
 * Whether an error shows that the upstream cannot be worked with. What it answers does not, well-formed or not: bad SQL of one
 * principal must not keep the others from it. A refused login does: it is the same for all.
 */
export function isFault(error: unknown): error is GrpcFailure {
  if (!(error instanceof GrpcFailure)) return false
  return error.origin === 'upstream' ? error.status === 'UNAUTHENTICATED' : !harmless.has(error.status)
}

/** Whether an error is the upstream's answer, or was made of it: the upstream has shown that it works. */
export function isAnswer(error: unknown): boolean {
  const failure = error instanceof GatewayError ? error.cause : error
  return failure instanceof GrpcFailure && failure.origin === 'upstream'
}
