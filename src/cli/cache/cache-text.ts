import { countText, shortBytes } from '../estimate/figures.ts'
import { textTable } from '../text-table.ts'
import type { CacheJson } from './cache-json.ts'

/** The state of the result cache, as tables for people. */
export function cacheText(cache: CacheJson): string {
  const { entries, bytes, max_bytes: maxBytes, evictions, revalidations, plans, shared } = cache
  const head = [
    maxBytes === 0
      ? 'Results   the cache is off (cache.maxBytes is 0)'
      : `Results   ${countText(entries)} ${entries === 1 ? 'entry' : 'entries'}, ${shortBytes(bytes)} of ${shortBytes(maxBytes)}`,
    `Left      ${list({ 'to make room': evictions.size, expired: evictions.expired, changed: evictions.changed, cleared: evictions.cleared })}`,
    `Run again ${list({ succeeded: revalidations.succeeded, failed: revalidations.failed })}`,
    `Plans     ${list({ entries: plans.entries, hits: plans.hits, misses: plans.misses })}`,
    ...(shared
      ? [
          `Shared    ${shared.up ? 'up' : 'down'}, ${list({ hits: shared.hits, misses: shared.misses, stored: shared.stored, errors: shared.errors, corrupt: shared.corrupt })}`,
        ]
      : []),
  ]
  const table = textTable(
    ['Source', 'Entries', 'Bytes', 'Hits', 'Stale', 'Misses', 'Bypassed', 'Collapsed', 'Hit ratio'],
    cache.data_sources.map((source) => [
      source.data_source,
      countText(source.entries),
      shortBytes(source.bytes),
      countText(source.hits),
      countText(source.stale_hits),
      countText(source.misses),
      countText(source.bypasses),
      countText(source.collapsed),
      ratioText(source),
    ]),
    (column) => column === 0,
  )
  return [head.join('\n'), table].filter((part) => part !== '').join('\n\n')
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${countText(count)} ${name}`)
    .join(', ')
}

/** Rows from the cache, of the statements to which it applied. */
function ratioText({ hits, stale_hits: stale, misses }: CacheJson['data_sources'][number]): string {
  const all = hits + stale + misses
  return all === 0 ? '-' : `${Math.round(((hits + stale) / all) * 100)} %`
}
