import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteQueue } from '../../src/grpc/client/byte-queue.ts'
import { type InboundMessage, joined, MessageReader } from '../../src/grpc/client/message-reader.ts'
import { prefixOf } from '../../src/grpc/message-prefix.ts'
import { ReceiveBuffer, ReceiveBuffers } from '../../src/http2/frames/receive-buffers.ts'

const MANY = Number.POSITIVE_INFINITY

/** A buffer that counts its holders. */
class CountedBuffer extends ReceiveBuffer {
  holders = 0
  override hold(): void {
    this.holders++
  }
  override release(): void {
    this.holders--
  }
}

function framed(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [prefixOf(message.byteLength), message]))
}

describe('MessageReader', () => {
  const message = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 300, maxLength: 40_000 }))

  it('yields the same messages for any split, any buffers and any batch size', () => {
    const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5000 })), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 12 }),
        cuts,
        fc.integer({ min: 1, max: 5 }),
        (messages, sizes, max) => {
          const reader = new MessageReader(1 << 20)
          const queue = new ByteQueue()
          const bytes = framed(messages)
          const seen: Buffer[] = []
          const ready: InboundMessage[] = []
          const buffers: CountedBuffer[] = []
          const read = () => {
            for (const each of ready.splice(0)) seen.push(joined(each))
          }
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length]!
            const piece = Buffer.from(bytes.subarray(at, at + size))
            at += size
            if (i % 5 === 0) buffers.push(new CountedBuffer())
            const taken = queue.isEmpty ? reader.push(piece, buffers.at(-1)!, ready, max) : 0
            if (taken < piece.length) queue.add(piece, taken)
            if (i % 7 === 0) {
              read()
              if (!queue.isEmpty) queue.take(reader.push(queue.peek(), undefined, ready, max))
            }
          }
          for (read(); !queue.isEmpty; read()) queue.take(reader.push(queue.peek(), undefined, ready, max))
          expect(Buffer.concat(seen).equals(Buffer.concat(messages))).toBe(true)
          expect(seen.map(({ length }) => length)).toEqual(messages.map(({ length }) => length))
          expect(reader.idle).toBe(true)
          expect(buffers.every(({ holders }) => holders === 0)).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('merges a message that arrives one byte at a time into few chunks', () => {
    const reader = new MessageReader(1 << 24)
    const ready: InboundMessage[] = []
    const bytes = framed([Buffer.alloc(300_000, 7), Buffer.alloc(3, 8)])
    const buffer = new CountedBuffer()
    for (let at = 0; at < bytes.length; at++) reader.push(bytes.subarray(at, at + 1), buffer, ready, MANY)
    expect(ready.map(({ byteLength }) => byteLength)).toEqual([300_000, 3])
    expect(ready[0]!.chunks.length).toBeLessThan(40)
    expect(Buffer.concat(ready[0]!.chunks).equals(Buffer.alloc(300_000, 7))).toBe(true)
    for (const each of ready) each.release()
    expect(buffer.holders).toBe(0)
  })

  it('copies a message spread thinly over many buffers, and releases the buffers', () => {
    const reader = new MessageReader(1 << 24)
    const ready: InboundMessage[] = []
    const buffers = Array.from({ length: 1000 }, () => new CountedBuffer())
    reader.push(prefixOf(300_000), buffers[0]!, ready, MANY)
    for (const buffer of buffers) reader.push(Buffer.alloc(300, 7), buffer, ready, MANY)
    expect(buffers.filter(({ holders }) => holders > 0).length).toBeLessThanOrEqual(16 + 300_000 / (32 << 10))
    expect(Buffer.concat(ready[0]!.chunks).equals(Buffer.alloc(300_000, 7))).toBe(true)
  })

  it('keeps a message of the usual size in its receive buffers, without a copy', () => {
    const reader = new MessageReader(1 << 24)
    const ready: InboundMessage[] = []
    const buffers = new ReceiveBuffers()
    const bytes = framed([Buffer.alloc(1 << 20, 7)])
    for (let at = 0; at < bytes.length; ) {
      const room = buffers.room().subarray(0, 16_384)
      const count = bytes.copy(room, 0, at)
      at += count
      reader.push(room.subarray(0, count), buffers.current, ready, MANY)
      buffers.filled(count)
      buffers.advance()
    }
    const own = new Set(ready[0]!.chunks.map(({ buffer }) => buffer))
    // Each receive buffer appears once, and nothing was copied.
    expect(own.size).toBe(9)
    expect(ready[0]!.chunks).toHaveLength(65)
  })
})
