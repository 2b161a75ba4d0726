import { TokenBucket } from './token-bucket.ts'

/** Clients behind one proxy share a connection: a burst of ordinary cancels must not end it for all of them. */
const RESETS = { burst: 4000, perSecond: 400 }
/** Frames that ask for an answer, or do nothing. Clients that measure their bandwidth ping once a round trip. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 2000 }
/**
 * What a connection has of its own where others have used up what they share: a client that does nothing unusual is not to be
 * ended for what others at its address do, a proxy's or a NAT's among them.
 */
const UNSHARED_RESETS = 10
const UNSHARED_IDLE_FRAMES = 50

/** How often a peer may do what costs this side something and the peer nothing. */
export class FloodLimits {
  readonly #resets: TokenBucket
  readonly #idleFrames: TokenBucket
  readonly #shared: FloodLimits | undefined

  /**
   * @param connections for how many connections it is to be enough
   * @param shared that of the peer's address, which must be enough too
   */
  constructor(connections = 1, shared?: FloodLimits) {
    this.#resets = new TokenBucket(RESETS.burst * connections, RESETS.perSecond * connections)
    this.#idleFrames = new TokenBucket(IDLE_FRAMES.burst * connections, IDLE_FRAMES.perSecond * connections)
    this.#shared = shared
  }

  /** Whether nothing is missing, so that a new one would be the same. */
  get isFull(): boolean {
    return this.#resets.used === 0 && this.#idleFrames.used === 0
  }

  /** Counts a stream that is cancelled; false when there are too many. */
  takeReset(): boolean {
    if (!this.#resets.take()) return false
    return !this.#shared || this.#shared.#resets.take() || this.#resets.used <= UNSHARED_RESETS
  }

  /** Counts frames that do nothing; false when there are too many. */
  takeIdleFrames(count: number): boolean {
    if (!this.#idleFrames.take(count)) return false
    return !this.#shared || this.#shared.#idleFrames.take(count) || this.#idleFrames.used <= UNSHARED_IDLE_FRAMES
  }
}
