import { describe, expect, it } from 'vitest'
import { FramePacker, unpackFrames } from '../../src/arrow/ipc/packed-frames.ts'

describe('packed frames', () => {
  it('keep row counts above 32 bits, as a small run-end encoded batch may have', () => {
    const packer = new FramePacker(1000)
    const frames = [0, -1, 7, 2 ** 40].map((rows) => ({
      chunks: [Buffer.from('ab'), Buffer.from('c')],
      byteLength: 3,
      rows,
    }))
    for (const frame of frames) expect(packer.add(frame)).toBe(true)
    const unpacked = unpackFrames(packer.finish())
    expect(unpacked.map(({ rows }) => rows)).toEqual([0, -1, 7, 2 ** 40])
    expect(unpacked.map(({ chunks }) => Buffer.concat(chunks).toString())).toEqual(Array(4).fill('abc'))
  })
})
