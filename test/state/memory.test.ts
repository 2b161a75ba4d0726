import { describe, expect, it } from 'vitest'
import { MemoryBlobs } from '../../src/state/blobs.ts'
import { MemoryStore } from '../../src/state/memory.ts'

describe('the in-memory state', () => {
  it('copies a value out of a larger buffer, so that it does not retain it', async () => {
    const cut = Buffer.alloc(1 << 20, 7).subarray(10, 20)
    const store = new MemoryStore(1 << 20)
    await store.set('a', cut, 1000)
    const blobs = new MemoryBlobs(1 << 20)
    await blobs.set('a', cut, 1000, 'me')
    for (const kept of [await store.get('a'), await blobs.get('a')]) {
      expect(kept).toEqual(new Uint8Array(10).fill(7))
      expect(kept!.buffer.byteLength).toBe(10)
    }
  })

  it('is bounded, also for many small values', async () => {
    const store = new MemoryStore(100_000)
    for (let i = 0; i < 1000; i++) await store.set(`${i}`, Buffer.alloc(10), 60_000)
    const kept = await Promise.all(Array.from({ length: 1000 }, (_, i) => store.get(`${i}`)))
    const count = kept.filter((value) => value !== undefined).length
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(1000)
    expect(await store.get('999')).toBeDefined()
  })

  it('is bounded, also for large sets', async () => {
    const store = new MemoryStore(100_000)
    for (let i = 0; i < 1000; i++) await store.addMember('set', `member ${i}`, 60_000, 1000)
    // The set had outgrown the store and was evicted with its members.
    expect(await store.addMember('set', 'one more', 60_000, 500)).toBe(true)
  })
})
