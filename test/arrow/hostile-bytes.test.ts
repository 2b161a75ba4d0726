import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { splitBatch } from '../../src/arrow/batches/split.ts'
import { ArrowError } from '../../src/arrow/errors.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { readBatchLayout, readHeader } from '../../src/arrow/ipc/header.ts'
import { decodeSchema, encodeSchema, type Field } from '../../src/arrow/schema.ts'

const column = (name: string, format: string, children: Field[] = []): Field => ({
  name,
  format,
  nullable: true,
  metadata: [['k', 'v']],
  children,
})
const schema: Field = {
  name: '',
  format: '+s',
  nullable: false,
  metadata: [],
  children: [
    column('i', 'l'),
    column('t', 'u'),
    column('l', '+l', [column('item', 'b')]),
    column('s', '+s', [column('d', 'd:18,2'), column('ts', 'tsu:UTC')]),
    { ...column('e', 'C'), dictionary: column('', 'u'), ordered: false },
  ],
}
const schemaMessage = encodeSchema(schema)
const layout = {
  rows: 2,
  nodes: [2, 0, 2, 1, 2, 0, 3, 0, 2, 0, 2, 0, 2, 0, 2, 0],
  buffers: [
    [0, 0],
    [0, 16],
    [16, 1],
    [24, 12],
    [40, 5],
    [48, 0],
    [48, 12],
    [64, 0],
    [64, 1],
    [72, 0],
    [72, 0],
    [72, 32],
    [104, 0],
    [104, 16],
    [120, 0],
    [120, 2],
  ].flat(),
  bodyLength: 128,
}
const batchMessage = encodeRecordBatch(layout)
const body = Buffer.alloc(128)
body.writeInt32LE(5, 28)
body.writeInt32LE(5, 32)
body.writeInt32LE(1, 52)
body.writeInt32LE(3, 56)

const survives = async (act: () => unknown): Promise<void> => {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof ArrowError)) throw error
  }
}
/** Valid bytes with a few of them changed. */
const damaged = (bytes: Uint8Array) =>
  fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((changes) => {
    const copy = Uint8Array.from(bytes)
    for (const [at, value] of changes) copy[at] = value
    return copy
  })
const limits = { numRuns: 1_000_000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false }

const rowsOfPieces = async (header: Uint8Array, maxBytes: number): Promise<number[]> => {
  const rows: number[] = []
  for await (const piece of splitBatch(schema, header, body, maxBytes)) rows.push(piece.rows)
  return rows
}

describe('hostile bytes', () => {
  it('undamaged messages are read as they were written', async () => {
    expect(decodeSchema(schemaMessage)).toEqual({
      ...schema,
      children: schema.children.map((each) =>
        each.dictionary ? { ...each, dictionaryId: 0, dictionary: { ...each.dictionary, metadata: [] } } : each,
      ),
    })
    expect(readHeader(batchMessage)).toEqual({ kind: 'batch', rows: 2, bodyLength: 128 })
    expect(readBatchLayout(batchMessage)).toEqual(layout)
    expect(await rowsOfPieces(batchMessage, 100_000)).toEqual([2])
    expect(await rowsOfPieces(batchMessage, 1000)).toEqual([1, 1])
  })

  it.each([
    ['schema', schemaMessage, (bytes: Uint8Array) => decodeSchema(bytes)],
    ['header', batchMessage, (bytes: Uint8Array) => readHeader(bytes)],
    ['batch', batchMessage, (bytes: Uint8Array) => rowsOfPieces(bytes, 1000)],
    ['FlightData', Buffer.concat(frameOf(batchMessage, body, 2).chunks), (bytes: Uint8Array) => readFlightData(bytes)],
  ])('a damaged %s is refused or read, never a crash', async (_name, bytes, read) => {
    await fc.assert(
      fc.asyncProperty(damaged(bytes), (changed) => survives(() => read(changed))),
      limits,
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), (random) => survives(() => read(random))),
      limits,
    )
  })
})

it.each([
  ['numbers', [0x78, 0]],
  ['bytes', [0x7a, 0]],
  ['groups', [0x7b, 0x7c]],
])('FlightData with millions of unknown %s is malformed; with some it is read', (_, pair) => {
  const own = Buffer.from([0x12, 1, 7])
  const withUnknown = (count: number) => Buffer.concat([Buffer.alloc(2 * count, Buffer.from(pair)), own])
  expect(readFlightData(withUnknown(1000)).header).toEqual(Buffer.from([7]))
  expect(() => readFlightData(withUnknown(1_000_000))).toThrow(ArrowError)
})
