import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Frame } from '../../src/arrow/ipc/frame.ts'
import { SpillBuffer } from '../../src/sources/flightsql/results/spill-buffer.ts'
import { type Spilled, SpillFile } from '../../src/spill/spill-file.ts'
import { unnamedFilesIn } from '../fakes/unnamed-files.ts'

const PAGE = 4096
const folder = mkdtempSync(join(tmpdir(), 'flightgate-spill-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const diskBytes = () => unnamedFilesIn(folder).reduce((sum, { blocks }) => sum + 512 * blocks, 0)
const contentOf = (i: number, byteLength: number) => Buffer.alloc(byteLength, `${i} `)
/** Content in pieces, as a connection delivers it. */
const inPieces = (bytes: Buffer, pieces: number) =>
  Array.from({ length: pieces }, (_, i) =>
    bytes.subarray((bytes.length * i) / pieces, (bytes.length * (i + 1)) / pieces),
  )

describe('a spill file', () => {
  it('returns writes in order, and never exceeds its limit on disk', async () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 3 * PAGE }), pieces: fc.integer({ min: 1, max: 7 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 6 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        const file = await SpillFile.create(8 * PAGE, folder)
        const held: { readonly place: Spilled; readonly content: Buffer }[] = []
        const readOne = async () => {
          const { place, content } = held.shift()!
          expect((await file.read(place)).equals(content)).toBe(true)
        }
        for (const [i, each] of steps.entries()) {
          if ('read' in each) for (let n = 0; n < each.read && held.length > 0; n++) await readOne()
          else {
            const content = contentOf(i, each.write)
            const unread = held.reduce((sum, { place }) => sum + place.byteLength, 0)
            const place = await file.write(inPieces(content, each.pieces))
            expect(place !== undefined).toBe(unread + each.write <= 8 * PAGE)
            if (place) held.push({ place, content })
          }
          const { size, blocks } = unnamedFilesIn(folder)[0]!
          expect(Math.max(size, file.byteLength, 512 * blocks)).toBeLessThanOrEqual(8 * PAGE)
        }
        while (held.length > 0) await readOne()
        expect(file.byteLength).toBe(0)
        await file.close()
        expect([unnamedFilesIn(folder), readdirSync(folder)]).toEqual([[], []])
      }),
      { numRuns: 60 },
    )
  })

  it('accepts a write in thousands of pieces, and refuses one above its limit', async () => {
    const file = await SpillFile.create(64 * PAGE, folder)
    const content = contentOf(1, 50 * PAGE)
    const place = await file.write(inPieces(content, 3000))
    expect((await file.read(place!)).equals(content)).toBe(true)
    expect(await file.write([Buffer.alloc(65 * PAGE)])).toBeUndefined()
    await file.close()
  })

  it('slow consumer reads in bursts: memory and disk stay within their limits', async () => {
    const size = 16 * PAGE
    const [frames, limit] = [400, 20 * size]
    let [pulled, memory, spill, mostSpill, mostDisk] = [0, 0, 0, 0, 0]
    const inner: AsyncIterator<readonly Frame[]> = {
      async next() {
        if (pulled === frames) return { done: true, value: undefined }
        const content = contentOf(pulled++, size)
        return { done: false, value: [{ chunks: inPieces(content, 4), byteLength: size, rows: 1 }] }
      },
    }
    const limits = { afterMs: 1, memoryBytes: 2 * size, spillBytes: limit, spillDirectory: folder }
    const buffer = new SpillBuffer(inner, limits, (memoryDelta, spillDelta) => {
      memory += memoryDelta
      spill += spillDelta
      mostSpill = Math.max(mostSpill, spill)
      expect(memory).toBeLessThanOrEqual(limits.memoryBytes)
    })
    for (let i = 0; i < frames; i++) {
      // The burst length differs from the limits, so that writes wrap around the file.
      if (i % 13 === 0) await expect.poll(() => pulled === frames || pulled - i >= 20, { interval: 1 }).toBe(true)
      mostDisk = Math.max(mostDisk, diskBytes())
      const { value } = await buffer.next()
      expect(Buffer.concat(value![0]!.chunks).equals(contentOf(i, size))).toBe(true)
    }
    expect((await buffer.next()).done).toBe(true)
    expect(mostDisk).toBeGreaterThan(limit / 2)
    expect(mostDisk).toBeLessThanOrEqual(limit)
    expect(mostSpill).toBeLessThanOrEqual(limit)
    expect([memory, spill, diskBytes()]).toEqual([0, 0, 0])
  })
})
