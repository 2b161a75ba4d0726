import { describe, expect, it } from 'vitest'
import {
  checkFixed,
  checkIndices,
  checkOffsets,
  checkUtf8,
  checkValidity,
  checkViews,
} from '../../../src/sources/duckdb/native/validate-buffers.ts'

const bytesOf = (values: ArrayBufferView) => new Uint8Array(values.buffer)
const int32 = (...values: number[]) => bytesOf(Int32Array.from(values))
const none = new Uint8Array(0)
const text = (value: string) => new Uint8Array(Buffer.from(value))

/** One view: its length, then either inline bytes or prefix, buffer and offset. */
function view(length: number, rest: Uint8Array | readonly [buffer: number, offset: number]): Uint8Array {
  const out = Buffer.alloc(16)
  out.writeInt32LE(length)
  if (rest instanceof Uint8Array) out.set(rest, 4)
  else {
    out.writeInt32LE(rest[0], 8)
    out.writeInt32LE(rest[1], 12)
  }
  return new Uint8Array(out)
}

describe('Arrow buffers of a client', () => {
  it('are accepted when all offsets and indices lie inside', () => {
    checkValidity(new Uint8Array(2), 16, 3)
    checkFixed(new Uint8Array(24), { kind: 'fixed', width: 8, children: [] }, 3)
    expect(checkOffsets(int32(2, 2, 5), 4, 2, 5)).toEqual([2, 5])
    checkUtf8(text('aéb'), int32(0, 3, 4), 4, 2)
    checkIndices(Uint8Array.of(0, 2, 1), 'C', 3, 3, none)
    checkIndices(Uint8Array.of(0, 99), 'C', 2, 1, Uint8Array.of(1))
    checkViews(view(2, text('é')), 1, [], none, true)
    checkViews(view(20, [0, 1]), 1, [new Uint8Array(21)], none, false)
    checkViews(view(20, [7, 7]), 1, [], Uint8Array.of(0), true)
  })

  it.each<[string, () => void]>([
    ['a truncated validity bitmap', () => checkValidity(new Uint8Array(1), 9, 1)],
    ['too few values', () => checkFixed(new Uint8Array(23), { kind: 'fixed', width: 8, children: [] }, 3)],
    ['too few bits', () => checkFixed(new Uint8Array(1), { kind: 'bool', width: 0, children: [] }, 9)],
    ['too few offsets', () => checkOffsets(int32(0, 1), 4, 2, 9)],
    ['a negative offset', () => checkOffsets(int32(-1, 1), 4, 1, 9)],
    ['a falling offset', () => checkOffsets(int32(0, 3, 2), 4, 2, 9)],
    ['an offset beyond the data', () => checkOffsets(int32(0, 10), 4, 1, 9)],
    ['a wide offset beyond the data', () => checkOffsets(bytesOf(BigInt64Array.of(0n, 2n ** 40n)), 8, 1, 9)],
    ['text that is not UTF-8', () => checkUtf8(Uint8Array.of(0xff), int32(0, 1), 4, 1)],
    ['text split inside a character', () => checkUtf8(text('é'), int32(0, 1, 2), 4, 2)],
    ['an index beyond the dictionary', () => checkIndices(Uint8Array.of(3), 'C', 1, 3, none)],
    ['a negative index', () => checkIndices(Uint8Array.of(0xff), 'c', 1, 3, none)],
    ['a view of a missing buffer', () => checkViews(view(20, [1, 0]), 1, [new Uint8Array(20)], none, false)],
    ['a view beyond its buffer', () => checkViews(view(20, [0, 1]), 1, [new Uint8Array(20)], none, false)],
    ['a view that starts before its buffer', () => checkViews(view(20, [0, -1]), 1, [new Uint8Array(30)], none, false)],
    ['a view of negative length', () => checkViews(view(-1, none), 1, [], none, false)],
    ['an inline text that is not UTF-8', () => checkViews(view(1, Uint8Array.of(0xff)), 1, [], none, true)],
  ])('are refused for %s', (_what, check) => {
    expect(check).toThrow(expect.objectContaining({ name: 'ArrowError', code: 'MALFORMED' }))
  })
})
