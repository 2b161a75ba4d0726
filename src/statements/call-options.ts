import type { SessionOptions } from '../query/types.ts'
import { type CacheWish, cacheWishOf, withCacheWish } from './cache/cache-wish.ts'
import { type CostCaps, capsOf, withCaps } from './cost-caps.ts'

/** What one call or one statement asks for, beside its session. */
export interface CallOptions {
  /** What the client allows the statement to cost. */
  readonly caps?: CostCaps | undefined
  /** What the client asks of the result cache. */
  readonly cache?: CacheWish | undefined
}

/** The options in the headers of a call; undefined without one. @throws GatewayError BAD_REQUEST if a header does not have its form */
export function callOptionsOf(headerOf: (name: string) => string | undefined): CallOptions | undefined {
  const caps = capsOf(headerOf)
  const cache = cacheWishOf(headerOf)
  return caps === undefined && cache === undefined ? undefined : { caps, cache }
}

/** Options of a session with those of a call or a statement: the lower caps, and the cache as the call or statement asks. */
export function withCallOptions<S extends SessionOptions>(session: S, options: CallOptions | undefined): S {
  if (options === undefined) return session
  return withCacheWish(withCaps(session, options.caps), options.cache)
}
