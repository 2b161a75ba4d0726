import { expect, it } from 'vitest'
import type { Frame } from '../../src/arrow/ipc/frame.ts'
import { bytesOf, type CacheEntry } from '../../src/cache/memory/cache-entry.ts'
import { MemoryTier } from '../../src/cache/memory/memory-tier.ts'

const schema: Frame = { byteLength: 8, rows: -1, chunks: [new Uint8Array(8)] }

function entryOf(key: string, { source = 'demo', bytes = 8, startedAt = 0 } = {}): CacheEntry {
  const recorded = { schema, frames: [], rows: 0, byteLength: bytes }
  const scope = { source, tables: [], principal: 'ann', tags: [] }
  return {
    key,
    identity: key,
    scope,
    recorded,
    startedAt,
    snapshot: [0],
    ttlMs: 1000,
    execution: undefined,
    text: '',
    hits: 0,
  }
}

it('knows the entries and bytes of each source after any sequence of changes', async () => {
  const tier = new MemoryTier(40_000, () => {})
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const reservations: number[] = []
  for (let i = 0; i < 5000; i++) {
    const key = `k${random(60)}`
    const what = random(10)
    if (what < 6) {
      const source = `source${key.length % 2}${random(2)}`
      tier.set(entryOf(key, { source, bytes: random(9000), startedAt: random(5000) }))
    } else if (what === 6) {
      const entry = tier.get(key)
      if (entry) tier.delete(entry, 'expired')
    } else if (what === 7) {
      const bytes = random(10_000)
      if (tier.reserve(bytes)) reservations.push(bytes)
    } else if (what === 8) tier.release(reservations.pop() ?? 0)
    else if (random(50) === 0) await tier.clear({ source: 'source00' })
    const sums = [...tier.bySource().values()]
    const reserved = reservations.reduce((sum, bytes) => sum + bytes, 0)
    expect(sums.reduce((sum, { entries }) => sum + entries, 0)).toBe(tier.count)
    expect(sums.reduce((sum, { bytes }) => sum + bytes, 0) + reserved).toBe(tier.bytes)
    expect(tier.bytes).toBeLessThanOrEqual(40_000)
  }
})

it('clears many entries without keeping the event loop', async () => {
  const tier = new MemoryTier(256 << 20, () => {})
  const bytes = bytesOf(entryOf('k0'))
  const count = 100_000
  for (let i = 0; i < count; i++) tier.set(entryOf(`k${i}`))
  expect(tier.bytes).toBeGreaterThanOrEqual(count * bytes)
  let turns = 0
  let isOver = false
  const countTurn = () => {
    turns++
    if (!isOver) setImmediate(countTurn)
  }
  setImmediate(countTurn)
  expect(await tier.clear({})).toBe(count)
  isOver = true
  expect(tier.count).toBe(0)
  expect(turns).toBeGreaterThan(1)
})
