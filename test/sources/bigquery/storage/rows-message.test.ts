import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReadRowsResponse } from '../../../../gen/google/cloud/bigquery/storage/v1/storage.ts'
import { readFrame } from '../../../../src/arrow/ipc/flight-data.ts'
import { encapsulate, joinStream } from '../../../../src/arrow/ipc/ipc.ts'
import { GrpcFailure } from '../../../../src/grpc/client/failure.ts'
import type { InboundMessage } from '../../../../src/grpc/client/message-reader.ts'
import { framesOfInlineArrow } from '../../../../src/sources/bigquery/storage/inline-arrow.ts'
import { decodeRows } from '../../../../src/sources/bigquery/storage/rows-message.ts'
import { SchemaCheck } from '../../../../src/sources/bigquery/storage/schema-check.ts'
import { responseOf, schema } from './read-server.ts'

const check = new SchemaCheck(schema)
const response = responseOf(5, 100, 1, 4)
const encoded = Buffer.from(ReadRowsResponse.encode(response).finish())
const serialized = Buffer.from(response.rows!.value.serializedRecordBatch)

/** A message in receive buffers that end where the cuts are. */
function message(bytes: Buffer, cuts: readonly number[] = [], release = () => {}): InboundMessage {
  const ends = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  const chunks = ends.slice(1).map((end, i) => bytes.subarray(ends[i], end))
  return { chunks, byteLength: bytes.length, release }
}

describe('a response of ReadRows', () => {
  it('has the same batch wherever its receive buffers end, and no byte of the body is copied', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(encoded.length)), (cuts) => {
        const { frames, rows, progress } = decodeRows(message(encoded, cuts), check)
        expect([frames.length, rows, progress]).toEqual([1, 100, 0.5])
        const { header, body } = readFrame(frames[0]!)
        expect(joinStream([{ header, body }]).equals(serialized)).toBe(true)
        for (const chunk of frames[0]!.chunks.slice(1)) expect(chunk.buffer).toBe(encoded.buffer)
      }),
      { numRuns: 200 },
    )
  })

  it('with several batches is released once, after the last of them', () => {
    let released = 0
    const twice = Buffer.concat([encapsulate(schema), serialized, serialized, Buffer.from('ffffffff00000000', 'hex')])
    const bytes = ReadRowsResponse.encode({
      ...response,
      rowCount: 200n,
      rows: { $case: 'arrowRecordBatch', value: { serializedRecordBatch: twice, rowCount: 0n } },
    }).finish()
    const { frames, rows } = decodeRows(
      message(Buffer.from(bytes), [], () => released++),
      check,
    )
    expect([frames.length, rows, released]).toEqual([2, 200, 0])
    frames[1]!.release!()
    expect(released).toBe(0)
    frames[0]!.release!()
    expect(released).toBe(1)
  })

  it('without rows is released at once', () => {
    let released = 0
    const bytes = ReadRowsResponse.encode({ ...response, rows: undefined, rowCount: 0n }).finish()
    const { rows } = decodeRows(
      message(Buffer.from(bytes), [], () => released++),
      check,
    )
    expect([rows, released]).toEqual([0, 1])
  })

  it('that is damaged or random is read or refused as data, and never crashes', () => {
    const read = (bytes: Buffer) => {
      try {
        decodeRows(message(bytes), check)
      } catch (error) {
        expect(error).toBeInstanceOf(GrpcFailure)
        expect(error).toMatchObject({ status: 'DATA_LOSS' })
      }
    }
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
        const damaged = Buffer.from(encoded)
        for (const [at, value] of changes) damaged[at] = value
        read(damaged)
        read(damaged.subarray(0, changes[0]![0]))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => read(Buffer.from(bytes))),
      { numRuns: 2000 },
    )
  })
})

describe('rows within the answer of jobs.query', () => {
  const schemaText = Buffer.from(encapsulate(schema)).toString('base64')

  it('are the frames of their batch', () => {
    const inline = framesOfInlineArrow('bq', schemaText, serialized.toString('base64'))
    expect(inline.rows).toBe(100)
    expect(Buffer.from(readFrame(inline.schema).header).equals(schema)).toBe(true)
    const { header, body } = readFrame(inline.frames[0]!)
    expect(joinStream([{ header, body }]).equals(serialized)).toBe(true)
  })

  it('are none where there is no batch, or an empty one', () => {
    for (const batch of [undefined, ''])
      expect(framesOfInlineArrow('bq', schemaText, batch)).toMatchObject({ rows: 0, frames: [] })
  })

  it('that are malformed are refused as data of the source', () => {
    for (const [head, batch] of [
      ['', ''],
      ['bm8gQXJyb3c=', ''],
      [schemaText, 'bm8gQXJyb3c='],
      [schemaText, serialized.subarray(0, -8).toString('base64')],
    ])
      expect(() => framesOfInlineArrow('bq', head!, batch!)).toThrow(expect.objectContaining({ code: 'UPSTREAM_DATA' }))
  })
})
