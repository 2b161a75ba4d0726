import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decompressLz4 } from '../../src/arrow/compression/lz4-frame.ts'
import { ArrowError } from '../../src/arrow/errors.ts'

/** Decompresses a frame of one block with `length` bytes of content. */
function decompress(bytes: Buffer, length: number): string {
  const target = Buffer.alloc(length)
  for (const _ of decompressLz4(bytes, target));
  return target.toString()
}

/** A frame around blocks: for each, its size with the flag for uncompressed blocks, and its bytes. */
function frameOf(blocks: readonly (readonly [size: number, bytes: Buffer])[]): Buffer {
  const parts = blocks.flatMap(([size, bytes]) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(size)
    return [head, bytes]
  })
  return Buffer.concat([Buffer.from('04224d1860407300', 'hex').subarray(0, 7), ...parts, Buffer.alloc(4)])
}

describe('LZ4 frames', () => {
  it('are decompressed: literals, overlapping matches, uncompressed blocks', () => {
    const literals = Buffer.concat([Buffer.from([0xf0, 5]), Buffer.alloc(20, 'x')])
    expect(decompress(frameOf([[literals.length, literals]]), 20)).toBe('x'.repeat(20))
    // "ab", then 10 bytes from 2 before, then "c".
    const overlap = Buffer.from([0x26, 0x61, 0x62, 2, 0, 0x10, 0x63])
    expect(decompress(frameOf([[overlap.length, overlap]]), 13)).toBe('ababababababc')
    const plain = Buffer.from('as it is')
    expect(decompress(frameOf([[0x8000_0000 + plain.length, plain]]), 8)).toBe('as it is')
    // A match may refer to the previous block.
    const behind = Buffer.from([0x04, 8, 0, 0x10, 0x21])
    expect(
      decompress(
        frameOf([
          [0x8000_0000 + plain.length, plain],
          [behind.length, behind],
        ]),
        17,
      ),
    ).toBe('as it isas it is!')
  })

  it('damaged, or of another length than announced: ArrowError', () => {
    const overlap = Buffer.from([0x26, 0x61, 0x62, 2, 0, 0x10, 0x63])
    const good = frameOf([[overlap.length, overlap]])
    for (const length of [0, 12, 14]) expect(() => decompress(good, length)).toThrow(ArrowError)
    expect(() => decompress(good.subarray(1), 13)).toThrow(ArrowError)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const damaged = Buffer.from(good)
        damaged[at] = value
        try {
          decompress(damaged.subarray(0, length), 13)
        } catch (error) {
          expect(error).toBeInstanceOf(ArrowError)
        }
      }),
    )
  })
})
