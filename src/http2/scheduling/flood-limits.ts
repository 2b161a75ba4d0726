import { TokenBucket } from './token-bucket.ts'

/** Clients behind a proxy share a connection, so a burst of ordinary cancels must not end it for all of them. */
const RESETS = { burst: 4000, perSecond: 400 }
/** Idle frames: PING, SETTINGS, empty DATA, ... Clients that measure bandwidth send a PING per round trip. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 2000 }
/**
 * Allowance that a connection keeps after others have used up the shared limit of its address: a proxy or NAT must not cause
 * the gateway to disconnect a well-behaved client for the traffic of its neighbours.
 */
const UNSHARED_RESETS = 10
const UNSHARED_IDLE_FRAMES = 50

/** Rate limits for requests and frames that cost this side more than the peer: stream resets and idle frames. */
export class FloodLimits {
  readonly #resets: TokenBucket
  readonly #idleFrames: TokenBucket
  readonly #shared: FloodLimits | undefined

  /**
   * @param connections number of connections to allow for
   * @param shared limits of the peer's address, which apply as well
   */
  constructor(connections = 1, shared?: FloodLimits) {
    this.#resets = new TokenBucket(RESETS.burst * connections, RESETS.perSecond * connections)
    this.#idleFrames = new TokenBucket(IDLE_FRAMES.burst * connections, IDLE_FRAMES.perSecond * connections)
    this.#shared = shared
  }

  /** Whether both buckets are full, so that a new instance would be equivalent. */
  get isFull(): boolean {
    return this.#resets.used === 0 && this.#idleFrames.used === 0
  }

  /** Counts a reset stream. @returns false when the peer exceeds the limit */
  takeReset(): boolean {
    if (!this.#resets.take()) return false
    return !this.#shared || this.#shared.#resets.take() || this.#resets.used <= UNSHARED_RESETS
  }

  /** Counts idle frames. @returns false when the peer exceeds the limit */
  takeIdleFrames(count: number): boolean {
    if (!this.#idleFrames.take(count)) return false
    return !this.#shared || this.#shared.#idleFrames.take(count) || this.#idleFrames.used <= UNSHARED_IDLE_FRAMES
  }
}
