import {
  Binary,
  Dictionary,
  Field,
  Int32,
  LargeUtf8,
  List,
  Map_,
  Struct,
  Table,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Frame } from '../../../src/arrow/ipc/frame.ts'
import { createRowEncoder, type EncodedRows, type RowEncoderOptions } from '../../../src/arrow/text/row-encoder.ts'
import { framesOfTable } from './frames.ts'

const MIB = 1 << 20
/** A step, a value that is just not long, and what escapes add. */
const MAX_PIECE_BYTES = 4 * MIB
const options: RowEncoderOptions = { chunkRows: 1000 }
type Format = 'json' | 'ndjson' | 'csv'
const formats: readonly Format[] = ['json', 'ndjson', 'csv']

interface Row {
  readonly id: number
  readonly text: string | null
  readonly bytes: Buffer | null
  readonly texts: readonly (string | null)[] | null
  readonly nested: { readonly numbers: readonly (readonly number[])[]; readonly text: string; readonly bytes: Buffer }
}

const nullable = (name: string, type: ConstructorParameters<typeof Field>[1]) => new Field(name, type, true)
const nestedType = new Struct([
  nullable('numbers', new List(nullable('item', new List(nullable('item', new Int32()))))),
  nullable('text', new LargeUtf8()),
  nullable('bytes', new Binary()),
])

function framesOf(rows: readonly Row[]): Frame[] {
  const columns: Record<string, Vector> = {
    id: vectorFromArray(
      rows.map(({ id }) => id),
      new Int32(),
    ),
    text: vectorFromArray(
      rows.map(({ text }) => text),
      new Utf8(),
    ),
    bytes: vectorFromArray(
      rows.map(({ bytes }) => bytes),
      new Binary(),
    ),
    texts: vectorFromArray(
      rows.map(({ texts }) => texts),
      new List(nullable('item', new Utf8())),
    ),
    nested: vectorFromArray(
      rows.map(({ nested }) => nested),
      nestedType,
    ),
  }
  return framesOfTable(new Table(columns))
}

/** What JSON.stringify makes of a row. */
const jsonOf = ({ id, text, bytes, texts, nested }: Row) => ({
  id,
  text,
  bytes: bytes?.toString('base64') ?? null,
  texts,
  nested: { ...nested, bytes: nested.bytes.toString('base64') },
})

function csvField(value: string | null): string {
  if (value === null) return ''
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

function textOf(format: Format, rows: readonly Row[]): string {
  const values = rows.map(jsonOf)
  if (format === 'json') return `[${values.map((value) => `\n${JSON.stringify(value)}`).join(',')}\n]`
  if (format === 'ndjson') return values.map((value) => `${JSON.stringify(value)}\n`).join('')
  const record = ({ id, text, bytes, texts, nested }: ReturnType<typeof jsonOf>) =>
    [String(id), text, bytes, texts && JSON.stringify(texts), JSON.stringify(nested)].map(csvField).join(',')
  return `id,text,bytes,texts,nested\r\n${values.map((value) => `${record(value)}\r\n`).join('')}`
}

async function piecesOf(frames: readonly Frame[], format: Format, given = options): Promise<EncodedRows[]> {
  const [schema, ...batches] = frames
  const encoder = createRowEncoder(format, schema!, given)
  const pieces: EncodedRows[] = [{ bytes: encoder.begin(), rows: 0 }]
  for (const batch of batches) for await (const piece of encoder.batch(batch)) pieces.push(piece)
  return [...pieces, { bytes: encoder.end(), rows: 0 }]
}

const joined = (pieces: readonly EncodedRows[]) => Buffer.concat(pieces.map(({ bytes }) => bytes)).toString()
const quotesOf = (text: string) => text.split('"').length - 1

const unit = fc.constantFrom('plain text', 'é"x', '日本語,\n', '🚀', '\u0001', '"', 'a,b')
/** Mostly around the sizes at which values become long and steps end. */
const lengths = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.constantFrom(262_143, 262_144, 524_286, 524_287, 524_288, 524_289),
  fc.integer({ min: 10_000, max: 1_500_000 }),
)
const texts = fc
  .tuple(unit, fc.string({ maxLength: 5 }), lengths)
  .map(([one, other, length]) => (one + other).repeat(Math.ceil(length / (one + other).length)))
const bytes = lengths.map((length) => Buffer.alloc(length, Buffer.from([0, 1, 254, 7, 99])))
const rowsOf: fc.Arbitrary<Row> = fc.record({
  id: fc.nat(1000),
  text: fc.option(texts),
  bytes: fc.option(bytes, { freq: 1 }),
  texts: fc.option(
    fc.oneof(
      fc.array(fc.option(texts), { maxLength: 3 }),
      fc.tuple(fc.string(), fc.integer({ max: 150_000, min: 0 })).map(([text, count]) => Array(count).fill(text)),
    ),
  ),
  nested: fc.record({
    numbers: fc
      .tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }))
      .map(([lists, count]) => Array.from({ length: lists }, (_, i) => Array(count).fill(i))),
    text: texts,
    bytes,
  }),
})

/** Counts the turns of the event loop while something runs. */
async function turnsOf(run: () => Promise<void>): Promise<number> {
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await run()
  isOver = true
  return turns
}

describe('rows with long values', () => {
  it('are the text that short ones are, in pieces of a bounded size of which the last has the row', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rowsOf, { minLength: 1, maxLength: 3 }), async (rows) => {
        const frames = framesOf(rows)
        for (const format of formats) {
          const pieces = await piecesOf(frames, format)
          expect(joined(pieces) === textOf(format, rows)).toBe(true)
          expect(pieces.reduce((sum, piece) => sum + piece.rows, 0)).toBe(rows.length)
          expect(Math.max(...pieces.map((piece) => piece.bytes.length))).toBeLessThan(MAX_PIECE_BYTES)
          for (const piece of pieces.slice(1, -1)) expect(piece.rows > 0).toBe(piece.cut === undefined)
        }
      }),
      { numRuns: 6 },
    )
  }, 60_000)

  it('can be cut after each piece: the line ends outside of quotes', async () => {
    const nested = { numbers: [], text: 'say "a", "b"'.repeat(100_000), bytes: Buffer.alloc(0) }
    const row: Row = { id: 1, text: 'x",'.repeat(300_000), bytes: Buffer.alloc(MIB), texts: null, nested }
    const [header, ...pieces] = await piecesOf(framesOf([row]), 'csv')
    let text = header!.bytes.toString()
    let cuts = 0
    for (const { bytes: more, cut } of pieces) {
      text += more.toString()
      if (!cut) continue
      cuts++
      expect(cut.toString()).toMatch(/^"?\r\n$/)
      expect(quotesOf(text + cut.toString()) % 2).toBe(0)
    }
    expect(cuts).toBeGreaterThan(8)
    const lines = await piecesOf(framesOf([row]), 'ndjson')
    expect(lines.filter(({ cut }) => cut).map(({ cut }) => cut!.toString())).toEqual(
      expect.arrayContaining(['\n', '\n', '\n', '\n']),
    )
  })

  it('let the event loop turn, whatever the type', async () => {
    const long = new Utf8()
    const values: readonly Vector[] = [
      vectorFromArray(['x'.repeat(4 * MIB)], long),
      vectorFromArray(['\u0001'.repeat(4 * MIB)], long),
      vectorFromArray([Buffer.alloc(3 * MIB)], new Binary()),
      vectorFromArray([Array.from({ length: 700_000 }, (_, i) => i)], new List(nullable('item', new Int32()))),
      vectorFromArray(['"'.repeat(4 * MIB)], new Dictionary(long, new Int32())),
    ]
    // Each step takes as long as a turn may.
    let now = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 10))
    try {
      for (const value of values) {
        const [schema, ...batches] = framesOfTable(new Table({ value }))
        for (const format of formats) {
          const encoder = createRowEncoder(format, schema!, options)
          const turns = await turnsOf(async () => {
            for (const batch of batches)
              for await (const _ of encoder.batch(batch)) {
                // Only the turns matter.
              }
          })
          expect(turns).toBeGreaterThan(8)
        }
      }
    } finally {
      clock.mockRestore()
    }
  }, 30_000)

  it('do not disturb each other, nor short rows', async () => {
    const rows = (text: string): Row[] => [
      {
        id: 1,
        text: text.repeat(MIB),
        bytes: null,
        texts: [text],
        nested: { numbers: [[1]], text, bytes: Buffer.of(1) },
      },
      { id: 2, text, bytes: null, texts: null, nested: { numbers: [[]], text: text.repeat(MIB), bytes: Buffer.of(2) } },
    ]
    const all = ['a', '"', 'é', 'b,'].flatMap((text) => formats.map((format) => ({ format, rows: rows(text) })))
    const short = { format: 'csv' as const, rows: Array.from({ length: 50 }, (_, id) => ({ ...rows('s')[1]!, id })) }
    const found = await Promise.all(
      [...all, short].map(async ({ format, rows: given }) => joined(await piecesOf(framesOf(given), format))),
    )
    for (const [i, { format, rows: given }] of [...all, short].entries())
      expect(found[i] === textOf(format, given)).toBe(true)
  }, 30_000)

  it('may hold maps, with long texts as values', async () => {
    const entries = new Map([
      ['k', 'v"'.repeat(400_000)],
      ['l', 'w'.repeat(600_000)],
    ])
    const pair = new Struct<{ key: Utf8; value: Utf8 }>([
      new Field('key', new Utf8(), false),
      new Field('value', new Utf8(), true),
    ])
    const type = new Map_<Utf8, Utf8>(new Field('entries', pair, false))
    const frames = framesOfTable(new Table({ v: vectorFromArray([entries], type) }))
    const text = JSON.stringify([...entries])
    expect(joined(await piecesOf(frames, 'ndjson')) === `{"v":${text}}\n`).toBe(true)
    expect(joined(await piecesOf(frames, 'csv')) === `v\r\n${csvField(text)}\r\n`).toBe(true)
  })

  it('are refused above the limit: before their first piece if the values are too long, else where they reach it', async () => {
    const given = { ...options, maxRowBytes: MIB }
    const read = async (values: readonly string[]) => {
      const [schema, batch] = framesOfTable(new Table({ v: vectorFromArray(values, new Utf8()) }))
      let bytesRead = 0
      try {
        for await (const piece of createRowEncoder('ndjson', schema!, given).batch(batch!))
          bytesRead += piece.bytes.length
      } catch (error) {
        return { code: (error as { code?: string }).code, bytesRead }
      }
      return { bytesRead }
    }
    expect(await read(['x'.repeat(2 * MIB)])).toEqual({ code: 'ROW_TOO_LARGE', bytesRead: 0 })
    const escaped = await read(['\u0001'.repeat(MIB - 1000)])
    expect(escaped.code).toBe('ROW_TOO_LARGE')
    expect(escaped.bytesRead).toBeLessThanOrEqual(MIB)
    // Rows, not pieces, are limited.
    const two = 'x'.repeat(MIB - 1000)
    expect((await read([two, two])).bytesRead).toBeGreaterThan(2 * (MIB - 1000))
  })

  it('release their frame once when the reader leaves within them', async () => {
    let released = 0
    const [schema, batch] = framesOfTable(
      new Table({ v: vectorFromArray(['x'.repeat(4 * MIB)], new Utf8()) }),
      () => released++,
    )
    for await (const { rows } of createRowEncoder('csv', schema!, options).batch(batch!)) if (rows === 0) break
    expect(released).toBe(1)
  })
})
