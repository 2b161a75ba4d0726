import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import RateLimiterStoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'

interface Window {
  /** Points taken in the window. */
  readonly taken: number
  /** Time until the window ends, in milliseconds. */
  readonly leftMs: number
}

/**
 * Fixed windows of time over `Store.increment`. The windows of a key begin at the same time on every replica, and those of
 * different keys at different times, so that refused clients do not all come back at once.
 */
export class WindowLimiter extends RateLimiterStoreAbstract {
  readonly #store: Store

  /** @param points that one key may take in a window of `durationMs` milliseconds */
  constructor(store: Store, points: number, durationMs: number) {
    super({ storeClient: store, points, duration: durationMs / 1000, keyPrefix: '' })
    this.#store = store
  }

  // The library calls the methods below; their names are its own.

  async _upsert(key: string, points: number, durationMs: number): Promise<Window> {
    const sinceStart = Date.now() + phaseOf(key, durationMs)
    const window = Math.floor(sinceStart / durationMs)
    const leftMs = (window + 1) * durationMs - sinceStart
    return { taken: await this.#store.increment(keys.requests(key, window), points, durationMs), leftMs }
  }

  async _get(key: string): Promise<Window> {
    return await this._upsert(key, 0, this.duration * 1000)
  }

  _getRateLimiterRes(_key: string, points: number, { taken, leftMs }: Window): RateLimiterRes {
    return new RateLimiterRes(Math.max(0, this.points - taken), leftMs, taken, taken === points)
  }
}

/** Spreads the windows of keys evenly. Source: FNV-1a. */
function phaseOf(key: string, durationMs: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % durationMs
}
