import type { SessionOptionValue } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { CacheControl } from '../../../query/cache/cache-control.ts'
import { GatewayError } from '../../../query/errors.ts'
import { cacheDirectivesOf, cacheDirectivesText } from '../../../statements/cache/cache-directives.ts'
import {
  type CacheWish,
  cacheKeyOf,
  cacheTagsOf,
  cacheTtlOf,
  isCacheTtl,
  tagListOf,
  withCacheWish,
} from '../../../statements/cache/cache-wish.ts'
import { type CheckedOption, numberOf, type OptionValue, textValue, wholeValue, wrongValue } from './session-option.ts'

/** The session options for the result cache. An empty text removes an option, as clients do that send texts only. */
export const cacheOptions: Readonly<Record<string, (value: OptionValue) => CheckedOption>> = {
  cache_control(value) {
    if (isUnset(value)) return without(['noCache', 'noStore', 'maxAgeMs', 'minFreshMs', 'maxStaleMs', 'onlyIfCached'])
    const directives = value.$case === 'stringValue' ? directivesOf(value.value) : undefined
    return wish(directives && { directives })
  },
  cache_key(value) {
    if (isUnset(value)) return without(['key'])
    const key = value.$case === 'stringValue' ? cacheKeyOf(value.value) : undefined
    return wish(key === undefined ? undefined : { key })
  },
  cache_tags(value) {
    if (isUnset(value)) return without(['tags'])
    const list =
      value.$case === 'stringListValue' ? value.value.values : value.$case === 'stringValue' && tagListOf(value.value)
    const tags = list ? cacheTagsOf(list) : undefined
    return wish(tags && { tags })
  },
  cache_ttl_ms(value) {
    if (isUnset(value)) return without(['ttlMs'])
    const ttlMs = value.$case === 'stringValue' ? cacheTtlOf(value.value) : numberOf(value)
    return wish(ttlMs !== undefined && isCacheTtl(ttlMs) ? { ttlMs } : undefined)
  },
}

/** The values of the session options for the result cache, for GetSessionOptions. */
export function cacheOptionValues(control: CacheControl = {}): Record<string, SessionOptionValue> {
  const { key, tags, ttlMs } = control
  const directives = cacheDirectivesText(control)
  return {
    ...(directives !== '' && { cache_control: textValue(directives) }),
    ...(key !== undefined && { cache_key: textValue(key) }),
    ...(tags && { cache_tags: { optionValue: { $case: 'stringListValue', value: { values: [...tags] } } } }),
    ...(ttlMs !== undefined && { cache_ttl_ms: wholeValue(ttlMs) }),
  }
}

function isUnset(value: OptionValue): value is undefined {
  return value === undefined || (value.$case === 'stringValue' && value.value.trim() === '')
}

function directivesOf(text: string) {
  try {
    return cacheDirectivesOf(text, 'cache_control')
  } catch (error) {
    if (error instanceof GatewayError) return undefined
    throw error
  }
}

function wish(found: CacheWish | undefined): CheckedOption {
  return found ? { change: (session) => withCacheWish(session, found) } : wrongValue
}

function without(names: readonly (keyof CacheControl)[]): CheckedOption {
  return {
    change({ cacheControl, ...rest }) {
      const left = Object.entries(cacheControl ?? {}).filter(([name]) => !(names as readonly string[]).includes(name))
      return left.length > 0 ? { ...rest, cacheControl: Object.fromEntries(left) } : rest
    },
  }
}
