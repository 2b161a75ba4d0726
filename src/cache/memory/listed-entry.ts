import type { ListedEntry } from '../../query/cache/cache-entry-lists.ts'
import { now } from '../freshness/clock.ts'
import { bytesOf, type CacheEntry } from './cache-entry.ts'

/** An entry as operators see it. */
export function listedEntry(entry: CacheEntry): ListedEntry {
  const { key, identity, scope, recorded, startedAt, ttlMs, text, hits } = entry
  return {
    // A client's name belongs to one statement after another.
    id: scope.key === undefined ? key : `${key}.${identity}`,
    source: scope.source,
    principal: scope.principal,
    text,
    key: scope.key,
    tags: scope.tags,
    rows: recorded.rows,
    bytes: bytesOf(entry),
    hits,
    ageMs: Math.max(0, now() - startedAt),
    ttlMs,
  }
}
