import { Dictionary, Int32, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { type Frame, frameOf } from '../../../src/arrow/ipc/frame.ts'
import { encodeSchema } from '../../../src/arrow/schema.ts'
import {
  columnsOf,
  createRowEncoder,
  type EncodedRows,
  type RowEncoderOptions,
} from '../../../src/arrow/text/row-encoder.ts'
import { framesOfTable } from './frames.ts'

const ROWS = 2500
const options: RowEncoderOptions = { chunkRows: 1000 }

function people(rows = ROWS, release?: () => void): Frame[] {
  return framesOfTable(
    new Table({
      id: vectorFromArray(Int32Array.from({ length: rows }, (_, i) => i)),
      name: vectorFromArray(
        Array.from({ length: rows }, (_, i) => (i % 5 === 0 ? null : `name "${i}"`)),
        new Utf8(),
      ),
    }),
    release,
  )
}

async function piecesOf(
  frames: readonly Frame[],
  format: 'json' | 'ndjson' | 'csv',
  given: RowEncoderOptions = options,
): Promise<{ text: string; pieces: EncodedRows[] }> {
  const [schema, ...others] = frames
  const encoder = createRowEncoder(format, schema!, given)
  const pieces: EncodedRows[] = []
  for (const frame of others) for await (const piece of encoder.batch(frame)) pieces.push(piece)
  const parts = [encoder.begin(), ...pieces.map(({ bytes }) => bytes), encoder.end()]
  return { text: Buffer.concat(parts).toString(), pieces }
}

describe('createRowEncoder', () => {
  it('writes one JSON array, with an object for each row', async () => {
    const { text } = await piecesOf(people(3), 'json')
    expect(text).toBe('[\n{"id":0,"name":null},\n{"id":1,"name":"name \\"1\\""},\n{"id":2,"name":"name \\"2\\""}\n]')
  })

  it('writes an empty JSON array for a result without rows', async () => {
    const { text } = await piecesOf(people(0), 'json')
    expect(JSON.parse(text)).toEqual([])
  })

  it('writes a line for each row of NDJSON, and arrays if asked for', async () => {
    expect((await piecesOf(people(2), 'ndjson')).text).toBe('{"id":0,"name":null}\n{"id":1,"name":"name \\"1\\""}\n')
    expect((await piecesOf(people(2), 'ndjson', { ...options, rowFormat: 'arrays' })).text).toBe(
      '[0,null]\n[1,"name \\"1\\""]\n',
    )
  })

  it('writes CSV by RFC 4180 with a header row', async () => {
    const { text } = await piecesOf(people(2), 'csv')
    expect(text).toBe('id,name\r\n0,\r\n1,"name ""1"""\r\n')
  })

  it('yields pieces of at most chunkRows rows', async () => {
    const { text, pieces } = await piecesOf(people(), 'json')
    expect(pieces.map(({ rows }) => rows)).toEqual([1000, 1000, 500])
    expect(JSON.parse(text)).toHaveLength(ROWS)
  })

  it('yields pieces of about 256 KiB, however many rows they may have', async () => {
    const { pieces } = await piecesOf(people(50_000), 'csv', { chunkRows: 1_000_000 })
    for (const { bytes } of pieces) expect(bytes.length).toBeLessThan((256 << 10) + 100)
    expect(pieces.reduce((sum, { rows }) => sum + rows, 0)).toBe(50_000)
  })

  it('reads a body in chunks of any size', async () => {
    const cut = people(100).map((frame) => {
      const bytes = Buffer.concat(frame.chunks)
      const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(7 * i, 7 * i + 7))
      return { ...frame, chunks }
    })
    expect((await piecesOf(cut, 'json')).text).toBe((await piecesOf(people(100), 'json')).text)
  })

  it('releases a frame once: at its end, when the reader leaves, when it is malformed', async () => {
    let released = 0
    const [schema, batch] = people(ROWS, () => released++)
    const encoder = createRowEncoder('ndjson', schema!, { chunkRows: 100 })
    let pieces = 0
    for await (const { rows } of encoder.batch(batch!)) {
      expect(rows).toBe(100)
      expect(released).toBe(0)
      pieces++
    }
    expect([pieces, released]).toEqual([ROWS / 100, 1])
    for await (const _ of encoder.batch(batch!)) break
    expect(released).toBe(2)
    await encoder.batch(batch!)[Symbol.asyncIterator]().return!()
    expect(released).toBe(3)
    const broken = { ...batch!, chunks: [batch!.chunks[0]!], byteLength: batch!.chunks[0]!.length }
    await expect(encoder.batch(broken)[Symbol.asyncIterator]().next()).rejects.toThrow('malformed')
    expect(released).toBe(4)
  })

  it('writes the values of dictionaries, and keeps no memory of their frames', async () => {
    const type = new Dictionary(new Utf8(), new Int32())
    const frames = framesOfTable(new Table({ v: vectorFromArray(['a', 'b', null, 'a'], type) }))
    const wiped = frames.map((frame) => ({
      ...frame,
      release: () => {
        for (const chunk of frame.chunks) chunk.fill(0)
      },
    }))
    expect((await piecesOf(wiped, 'csv')).text).toBe('v\r\na\r\nb\r\n\r\na\r\n')
  })

  it('refuses a row above the limit', async () => {
    const frames = framesOfTable(new Table({ v: vectorFromArray(['x'.repeat(3 << 20)], new Utf8()) }))
    await expect(piecesOf(frames, 'json', { ...options, maxRowBytes: 1 << 20 })).rejects.toMatchObject({
      code: 'ROW_TOO_LARGE',
    })
  })

  it('yields to the event loop', async () => {
    const [schema, batch] = people(300_000)
    const encoder = createRowEncoder('json', schema!, { chunkRows: 1_000_000 })
    let turns = 0
    let over = false
    const count = () => {
      turns++
      if (!over) setImmediate(count)
    }
    setImmediate(count)
    for await (const _ of encoder.batch(batch!)) {
      // Only the turns matter.
    }
    over = true
    expect(turns).toBeGreaterThan(3)
  })
})

describe('columnsOf', () => {
  const field = (name: string, format: string) => ({ name, format, nullable: true, metadata: [], children: [] })
  const schema = frameOf(
    encodeSchema({
      ...field('', '+s'),
      children: [field('a', 'l'), field('a', 'd:15,2'), field('a_1', 'tsu:UTC'), field('a', 'tsn:'), field('b', 'u')],
    }),
    new Uint8Array(0),
    0,
  )

  it('returns each name once, and types as Arrow writes them', () => {
    expect(columnsOf(schema).map(({ name, type }) => [name, type])).toEqual([
      ['a', 'int64'],
      ['a_2', 'decimal128(15, 2)'],
      ['a_1', 'timestamp[us, tz=UTC]'],
      ['a_3', 'timestamp[ns]'],
      ['b', 'string'],
    ])
  })

  it('names columns as the encoder does', () => {
    const header = Buffer.from(createRowEncoder('csv', schema, options).begin()).toString()
    expect(header).toBe('a,a_2,a_1,a_3,b\r\n')
  })
})
