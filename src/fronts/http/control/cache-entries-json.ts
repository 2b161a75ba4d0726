import type { z } from 'zod'
import type { EntryList } from '../../../query/cache/cache-entry-lists.ts'
import type { cacheEntriesAnswer } from '../schemas/cache/entries.ts'

/** Entries of the result cache as JSON. */
export function cacheEntriesJson({ entries, isPartial }: EntryList): z.input<typeof cacheEntriesAnswer> {
  const now = Date.now()
  return {
    entries: entries.map((entry) => ({
      id: entry.id,
      data_source: entry.source,
      principal: entry.principal,
      query: entry.text,
      cache_key: entry.key ?? null,
      cache_tags: [...entry.tags],
      rows: entry.rows,
      bytes: entry.bytes,
      hits: entry.hits,
      start_time: new Date(now - entry.ageMs).toISOString(),
      fresh_until: new Date(now - entry.ageMs + entry.ttlMs).toISOString(),
      copies: entry.copies,
    })),
    partial: isPartial,
  }
}
