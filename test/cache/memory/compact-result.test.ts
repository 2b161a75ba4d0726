import { expect, it } from 'vitest'
import type { Frame } from '../../../src/arrow/ipc/frame.ts'
import { compactResult } from '../../../src/cache/memory/compact-result.ts'

const frameOf = (chunk: Uint8Array): Frame => ({ chunks: [chunk], byteLength: chunk.byteLength, rows: 1 })

it('a stored result keeps no larger buffer alive than it needs', () => {
  const socketRead = Buffer.alloc(1 << 16, 7)
  const whole = Buffer.allocUnsafeSlow(100_000)
  const recorded = {
    schema: frameOf(socketRead.subarray(0, 100)),
    frames: [frameOf(socketRead.subarray(100, 500)), frameOf(whole)],
    rows: 2,
    byteLength: 100_500,
  }
  const { schema, frames } = compactResult(recorded)
  expect([schema, ...frames].map(({ chunks }) => chunks[0]!.buffer.byteLength)).toEqual([100, 400, 100_000])
  expect(frames[0]!.chunks[0]).toEqual(Buffer.alloc(400, 7))
  expect(frames[1]!.chunks[0]).toBe(whole)
})
