import { expect, it } from 'vitest'
import { MemoryBlobs } from '../../src/state/blobs.ts'

const TTL_MS = 60_000
const bytes = (count: number) => new Uint8Array(count)

it('one owner fills the store: it keeps the newest half', async () => {
  const blobs = new MemoryBlobs(12_500)
  for (let i = 0; i < 10; i++) await blobs.set(`k${i}`, bytes(1000), TTL_MS, 'one')
  const kept = await Promise.all(Array.from({ length: 10 }, (_, i) => blobs.get(`k${i}`)))
  expect(kept.map((each) => each !== undefined)).toEqual([...Array(6).fill(false), ...Array(4).fill(true)])
})

it('an owner that stores much evicts its own blobs, not those of others', async () => {
  const blobs = new MemoryBlobs(10_000)
  await blobs.set('small', bytes(500), TTL_MS, 'small')
  for (const owner of ['a', 'b', 'c'])
    for (let i = 0; i < 20; i++) await blobs.set(`${owner}${i}`, bytes(1000), TTL_MS, owner)
  expect((await blobs.get('small'))?.byteLength).toBe(500)
  for (const owner of ['a', 'b', 'c']) expect((await blobs.get(`${owner}19`))?.byteLength).toBe(1000)
})

it('drops a blob after its TTL, and replaces the previous one under the same key', async () => {
  const blobs = new MemoryBlobs(10_000)
  await blobs.set('k', bytes(1), 1, 'one')
  await blobs.set('k2', bytes(2), TTL_MS, 'one')
  await blobs.set('k2', bytes(3), TTL_MS, 'one')
  await expect.poll(() => blobs.get('k')).toBeUndefined()
  expect((await blobs.get('k2'))?.byteLength).toBe(3)
})

it('does not store a blob larger than one owner’s share', async () => {
  const blobs = new MemoryBlobs(1000)
  await blobs.set('k', bytes(900), TTL_MS, 'one')
  expect(await blobs.get('k')).toBeUndefined()
})
