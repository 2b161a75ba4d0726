import { describe, expect, it } from 'vitest'
import type { CacheJson } from '../../../src/cli/cache/cache-json.ts'
import { cacheText } from '../../../src/cli/cache/cache-text.ts'

const source = (name: string, hits: number, misses: number) => ({
  data_source: name,
  entries: hits,
  bytes: hits * 1000,
  hits,
  stale_hits: 0,
  misses,
  bypasses: 1,
  collapsed: 2,
})
const cache: CacheJson = {
  entries: 1,
  bytes: 3_400_000,
  max_bytes: 268_435_456,
  data_sources: [source('lake', 1200, 400), source('demo', 0, 0)],
  evictions: { size: 0, expired: 3, changed: 1, cleared: 2000 },
  revalidations: { succeeded: 2, failed: 0 },
  plans: { entries: 12, hits: 80, misses: 12 },
  shared: { up: false, hits: 1, misses: 2, stored: 3, errors: 4, corrupt: 0 },
}

describe('the state of the cache for people', () => {
  it('is a summary and a table', () => {
    expect(cacheText(cache).split('\n')).toEqual([
      'Results   1 entry, 3.4 MB of 268 MB',
      'Left      0 to make room, 3 expired, 1 changed, 2,000 cleared',
      'Run again 2 succeeded, 0 failed',
      'Plans     12 entries, 80 hits, 12 misses',
      'Shared    down, 1 hits, 2 misses, 3 stored, 4 errors, 0 corrupt',
      '',
      'Source  Entries    Bytes   Hits  Stale  Misses  Bypassed  Collapsed  Hit ratio',
      'lake      1,200   1.2 MB  1,200      0     400         1          2       75 %',
      'demo          0  0 bytes      0      0       0         1          2          -',
    ])
  })

  it('tells that the cache is off, and leaves out what is not there', () => {
    const text = cacheText({ ...cache, max_bytes: 0, shared: null, data_sources: [] })
    expect(text).toMatch(/^Results {3}the cache is off \(cache.maxBytes is 0\)\n/)
    expect(text).not.toContain('Shared')
  })
})
