import type { CacheControl } from '../../query/cache/cache-control.ts'
import { GatewayError } from '../../query/errors.ts'
import type { SessionOptions } from '../../query/types.ts'
import { type CacheDirectives, cacheDirectivesOf } from './cache-directives.ts'

/** The header with directives for the result cache, as in HTTP. */
export const CACHE_CONTROL_HEADER = 'cache-control'

/** The header with the client's own name of the entry. */
export const CACHE_KEY_HEADER = 'x-flightgate-cache-key'

/** The header with the names under which the entry can be cleared, separated by commas. */
export const CACHE_TAGS_HEADER = 'x-flightgate-cache-tags'

/** The header with the time to live of the stored rows, in milliseconds. */
export const CACHE_TTL_HEADER = 'x-flightgate-cache-ttl-ms'

/** All headers with which a client controls the result cache. */
export const CACHE_REQUEST_HEADERS = [
  CACHE_CONTROL_HEADER,
  CACHE_KEY_HEADER,
  CACHE_TAGS_HEADER,
  CACHE_TTL_HEADER,
] as const

/** Most tags of an entry. */
export const MAX_TAGS = 16
/** Form of a client's own name of an entry. */
export const cacheKeyForm = /^[A-Za-z0-9_-]{1,128}$/
/** Form of a tag. */
export const cacheTagForm = /^[A-Za-z0-9_:.-]{1,64}$/
/** Longest time to live that a client can ask for, in milliseconds; the configuration still bounds it. */
export const MAX_TTL_MS = 31_536_000_000

const wholeNumber = /^\d{1,11}$/

/**
 * What a call or a statement asks of the result cache. Each member takes the place of what the session, or the call of the
 * statement, asks for; the directives do so together.
 */
export interface CacheWish extends Pick<CacheControl, 'ttlMs' | 'key' | 'tags'> {
  readonly directives?: CacheDirectives
}

/** Reads the name of an entry as a client writes it. */
export function cacheKeyOf(text: string): string | undefined {
  return cacheKeyForm.test(text) ? text : undefined
}

/** Reads tags as a client writes them, without those that are given twice. */
export function cacheTagsOf(tags: readonly string[]): readonly string[] | undefined {
  const own = [...new Set(tags)]
  return own.length <= MAX_TAGS && own.every((tag) => cacheTagForm.test(tag)) ? own : undefined
}

/** Splits a text with tags at its commas. */
export function tagListOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
}

/** Whether a number can be a time to live, in milliseconds. */
export function isCacheTtl(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 1 && ms <= MAX_TTL_MS
}

/** Reads a time to live in milliseconds, as a client writes it. */
export function cacheTtlOf(text: string): number | undefined {
  return wholeNumber.test(text) && isCacheTtl(Number(text)) ? Number(text) : undefined
}

/**
 * What the headers of a call ask of the result cache; undefined without one of them. `pragma: no-cache` counts if there is no
 * `cache-control`, as in HTTP (RFC 9111, section 5.4).
 * @throws GatewayError BAD_REQUEST if a header does not have its form
 */
export function cacheWishOf(headerOf: (name: string) => string | undefined): CacheWish | undefined {
  const control = headerOf(CACHE_CONTROL_HEADER)
  const pragma = control === undefined ? headerOf('pragma') : undefined
  const key = headerOf(CACHE_KEY_HEADER)
  const tags = headerOf(CACHE_TAGS_HEADER)
  const ttl = headerOf(CACHE_TTL_HEADER)
  if ((control ?? pragma ?? key ?? tags ?? ttl) === undefined) return undefined
  const directives =
    control === undefined
      ? directivesOfPragma(pragma)
      : cacheDirectivesOf(control, `The header ${CACHE_CONTROL_HEADER}`)
  const wish: CacheWish = {
    ...(directives && { directives }),
    ...(key !== undefined && { key: read(cacheKeyOf(key.trim()), CACHE_KEY_HEADER, KEY_RULE) }),
    ...(tags !== undefined && { tags: read(cacheTagsOf(tagListOf(tags)), CACHE_TAGS_HEADER, TAGS_RULE) }),
    ...(ttl !== undefined && { ttlMs: read(cacheTtlOf(ttl.trim()), CACHE_TTL_HEADER, TTL_RULE) }),
  }
  return isEmpty(wish) ? undefined : wish
}

/** What a tag must be, for errors. */
export const TAG_RULE = 'up to 64 letters (A to Z, a to z), digits, _, :, . and -'
/** What the name of an entry must be, for errors. */
export const KEY_RULE = 'up to 128 letters (A to Z, a to z), digits, _ and -'
/** What tags must be, for errors. */
export const TAGS_RULE = `at most ${MAX_TAGS} tags of ${TAG_RULE}`
/** What a time to live must be, for errors. */
export const TTL_RULE =
  'a whole number of milliseconds from 1 to a year; to store nothing, send cache-control: no-store'

/** Options with what a call or a statement asks of the result cache in place of their own. */
export function withCacheWish<S extends SessionOptions>(session: S, wish: CacheWish | undefined): S {
  if (wish === undefined || isEmpty(wish)) return session
  const { ttlMs, key, tags, ...directives } = session.cacheControl ?? {}
  const cacheControl: CacheControl = {
    ...(wish.directives ?? directives),
    ...whole({ ttlMs: wish.ttlMs ?? ttlMs, key: wish.key ?? key, tags: wish.tags ?? tags }),
  }
  return { ...session, cacheControl }
}

function directivesOfPragma(pragma: string | undefined): CacheDirectives | undefined {
  return pragma?.split(',').some((part) => part.trim().toLowerCase() === 'no-cache') ? { noCache: true } : undefined
}

function read<T>(value: T | undefined, header: string, rule: string): T {
  if (value === undefined) throw new GatewayError('BAD_REQUEST', `The header ${header} must be ${rule}.`)
  return value
}

function whole({ ttlMs, key, tags }: { [K in 'ttlMs' | 'key' | 'tags']: CacheControl[K] | undefined }): CacheControl {
  return {
    ...(ttlMs !== undefined && { ttlMs }),
    ...(key !== undefined && { key }),
    ...(tags !== undefined && { tags }),
  }
}

function isEmpty(wish: CacheWish): boolean {
  for (const _ in wish) return false
  return true
}
