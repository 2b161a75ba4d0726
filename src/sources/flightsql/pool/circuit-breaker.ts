import { aborted } from 'node:util'
import CircuitBreaker from 'opossum'
import { ConnectionPace } from '../../../grpc/client/connection-pace.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError, type GrpcStatusName } from '../../../query/errors.ts'

/** State of a circuit breaker. */
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

/** Rejects calls to an address that does not answer. Every 5 s it turns half-open and lets a call through as a probe. */
export class Breaker {
  /** Tests whether the address answers again. Runs as soon as the breaker is half-open. */
  probe: (() => Promise<void>) | undefined
  /** Limits how fast all pools of the address together open connections. */
  readonly pace = new ConnectionPace()
  readonly #source: string
  #probing: Promise<unknown> | undefined
  readonly #circuit: CircuitBreaker<[() => Promise<unknown>], unknown>

  /** @param onChange called with each new state */
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
   * Runs work and counts its outcome.
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

/** Whether an error means that the breaker was open. The upstream has then received nothing. */
export function isBreakerOpen(error: unknown): boolean {
  return error instanceof GatewayError && (error.cause as { code?: unknown } | undefined)?.code === 'EOPENBREAKER'
}

/** Statuses made by the gateway that do not prove a fault of the upstream: local limits, or one statement's bad answer. */
const harmless = new Set<GrpcStatusName>(['CANCELLED', 'RESOURCE_EXHAUSTED', 'DATA_LOSS', 'INTERNAL'])

/**
 * Whether an error counts as a failure of the upstream. An answer does not, well-formed or not: bad SQL of one principal must
 * not open the breaker for all others. A rejected login does count, because all principals share it.
 */
export function isFault(error: unknown): error is GrpcFailure {
  if (!(error instanceof GrpcFailure)) return false
  return error.origin === 'upstream' ? error.status === 'UNAUTHENTICATED' : !harmless.has(error.status)
}

/** Whether an error is, or wraps, an answer of the upstream. An answer proves that the upstream works. */
export function isAnswer(error: unknown): boolean {
  const failure = error instanceof GatewayError ? error.cause : error
  return failure instanceof GrpcFailure && failure.origin === 'upstream'
}
