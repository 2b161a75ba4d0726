import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { ArrowError } from '../../src/arrow/errors.ts'
import { encapsulateFrame } from '../../src/arrow/ipc/encapsulated-frame.ts'
import { type Frame, frameOf } from '../../src/arrow/ipc/frame.ts'
import { readHeader } from '../../src/arrow/ipc/header.ts'
import { schemaOf } from '../fakes/flight-messages.ts'

const schema = schemaOf(['i', 'i'])
const values = Buffer.from(Int32Array.from([1, 2, 3]).buffer)

/** Header of a batch of three 32-bit integers whose body is not padded, so that it has 12 bytes. */
const header = encodeRecordBatch({ rows: 3, nodes: [3, 0], buffers: [0, 0, 0, 12], bodyLength: 12 })

/** The same message in buffers of these lengths. */
function sliced({ chunks, byteLength, rows }: Frame, bytesEach: number): Frame {
  const joined = Buffer.concat(chunks)
  const slices = []
  for (let at = 0; at < joined.length; at += bytesEach) slices.push(joined.subarray(at, at + bytesEach))
  return { chunks: slices, byteLength, rows }
}

const bytesOf = (frame: Frame) => Buffer.concat(encapsulateFrame(frame)!.chunks)

describe('encapsulated frames', () => {
  it('are an IPC stream when joined, also if bodies do not end at a multiple of 8 bytes', () => {
    const batch = frameOf(header, values, 3)
    const stream = Buffer.concat([bytesOf(frameOf(schema, Buffer.alloc(0), 0)), bytesOf(batch), bytesOf(batch)])
    expect(stream.byteLength % 8).toBe(0)
    expect([...tableFromIPC(stream).getChild('i')!]).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('announce the padded length of their body', () => {
    const bytes = bytesOf(frameOf(header, values, 3))
    expect(readHeader(bytes.subarray(8)).bodyLength).toBe(16)
    expect(readHeader(header).bodyLength).toBe(12)
  })

  it('share the body of the frame', () => {
    const { kind, chunks, byteLength } = encapsulateFrame(frameOf(header, values, 3))!
    expect(kind).toBe('batch')
    expect(chunks[1]!.buffer).toBe(values.buffer)
    expect(chunks[1]!.byteOffset).toBe(values.byteOffset)
    expect(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(byteLength)
  })

  it.each([1, 5, 64])('do not depend on how the message is spread over buffers: %i bytes each', (bytesEach) => {
    const batch = frameOf(header, values, 3, undefined, Buffer.from('metadata'))
    expect(bytesOf(sliced(batch, bytesEach))).toEqual(bytesOf(batch))
  })

  it('leave out bytes after the body that the header announces', () => {
    const padded = Buffer.concat([values, Buffer.alloc(20, 7)])
    expect(bytesOf(frameOf(header, padded, 3))).toEqual(bytesOf(frameOf(header, values, 3)))
    expect(bytesOf(sliced(frameOf(header, padded, 3), 3))).toEqual(bytesOf(frameOf(header, values, 3)))
  })

  it('body is shorter than announced: malformed', () => {
    expect(() => encapsulateFrame(frameOf(header, values.subarray(4), 3))).toThrow(ArrowError)
  })

  it('a frame with application metadata alone has no message', () => {
    const frame = frameOf(Buffer.alloc(0), Buffer.alloc(0), 0, undefined, Buffer.from('metadata'))
    expect(encapsulateFrame(frame)).toBeUndefined()
  })
})
