import { aborted } from 'node:util'
import CircuitBreaker from 'opossum'
import { ConnectionPace } from '../../../grpc/client/connection-pace.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError, type GrpcStatusName } from '../../../query/errors.ts'
import type { BreakerMode } from '../../../query/source.ts'

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

/** How long a client should wait before it tries a breaker again that an operator holds open, in milliseconds. */
const HELD_OPEN_RETRY_MS = 10_000

/** Rejects calls to an address that does not answer. Every 5 s it turns half-open and lets a call through as a probe. */
export class Breaker {
  /** Tests whether the address answers again. Runs as soon as the breaker is half-open. */
  probe: (() => Promise<void>) | undefined
  /** Limits how fast all pools of the address together open connections. */
  readonly pace = new ConnectionPace()
  readonly #source: string
  readonly #onChange: (state: BreakerState) => void
  readonly #tell: (state: BreakerState) => void
  #mode: BreakerMode = 'automatic'
  #probing: Promise<unknown> | undefined
  readonly #circuit: CircuitBreaker<[() => Promise<unknown>], unknown>

  /** @param onChange called with each new state */
  constructor(source: string, onChange: (state: BreakerState) => void) {
    this.#source = source
    this.#onChange = (state) => {
      if (this.#mode === 'automatic') onChange(state)
    }
    this.#tell = onChange
    this.#circuit = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
      ...OPTIONS,
      // A filtered error counts as a success, which would close a half-open breaker without proof.
      errorFilter: (error: unknown) => !isFault(error) && !(this.#circuit.halfOpen && !isAnswer(error)),
    })
    this.#circuit.on('open', () => this.#onChange('open'))
    this.#circuit.on('halfOpen', () => {
      this.#onChange('half-open')
      if (this.probe)
        this.#probing = this.guard(this.probe)
          .catch(() => {})
          .finally(() => {
            this.#probing = undefined
          })
    })
    this.#circuit.on('close', () => this.#onChange('closed'))
  }

  get state(): BreakerState {
    if (this.#mode !== 'automatic') return this.#mode
    if (this.#circuit.halfOpen) return 'half-open'
    return this.#circuit.opened ? 'open' : 'closed'
  }

  /**
   * Runs work and counts its outcome.
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; what the work throws
   */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#mode === 'open') throw this.#heldOpen()
    if (this.#mode === 'closed') return await work()
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

  /** Who decides about the state. */
  get mode(): BreakerMode {
    return this.#mode
  }

  /** Holds the breaker open or closed, whatever happens to calls, or leaves it to their outcome again. */
  hold(mode: BreakerMode): void {
    const before = this.state
    this.#mode = mode
    if (this.state !== before) this.#tell(this.state)
  }

  #heldOpen(): GatewayError {
    const cause = Object.assign(new Error('an operator holds the breaker open'), { code: 'EOPENBREAKER' })
    return new GatewayError(
      'SOURCE_UNAVAILABLE',
      `An operator has cut off the source ${this.#source} (circuit breaker held open): try again later.`,
      { cause, retryAfterMs: HELD_OPEN_RETRY_MS },
    )
  }

  /** Opens the breaker. */
  trip(): void {
    this.#circuit.open()
  }

  close(): void {
    this.#circuit.shutdown()
  }
}

/**
 * Holds the breakers of a source open or closed, or leaves them to their counts again.
 * @param breakers by address
 * @param address one of them; by default all
 * @throws GatewayError BAD_REQUEST if there is no such address
 */
export function holdBreakers(breakers: ReadonlyMap<string, Breaker>, mode: BreakerMode, address?: string): void {
  const chosen = address === undefined ? [...breakers.values()] : [breakers.get(address)]
  for (const breaker of chosen) {
    if (!breaker)
      throw new GatewayError(
        'BAD_REQUEST',
        `The source has no server ${address!.slice(0, 200)}; it has ${[...breakers.keys()].join(', ')}.`,
      )
    breaker.hold(mode)
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
