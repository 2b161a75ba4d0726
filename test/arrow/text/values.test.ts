import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRecordBatch } from '../../../src/arrow/batches/batch.ts'
import { ArrowError } from '../../../src/arrow/errors.ts'
import { type Frame, frameOf } from '../../../src/arrow/ipc/frame.ts'
import { encodeSchema, type Field } from '../../../src/arrow/schema.ts'
import { createRowEncoder, type RowEncoderOptions } from '../../../src/arrow/text/row-encoder.ts'

const none = new Uint8Array(0)
const field = (format: string, children: readonly Field[] = []): Field => ({
  name: 'v',
  format,
  nullable: true,
  metadata: [],
  children,
})
const schemaOf = (column: Field) => frameOf(encodeSchema({ ...field('+s'), children: [column] }), none, 0)

/** A batch of one column without nulls. @param buffers after the validity bitmap */
function batchOf(rows: number, buffers: readonly Uint8Array[]): Frame {
  const places: number[] = [0, 0]
  let at = 0
  for (const { byteLength } of buffers) {
    places.push(at, byteLength)
    at = (at + byteLength + 7) & ~7
  }
  const body = new Uint8Array(at)
  for (const [i, buffer] of buffers.entries()) body.set(bytesOf(buffer), places[2 * i + 2])
  return frameOf(encodeRecordBatch({ rows, nodes: [rows, 0], buffers: places, bodyLength: at }), body, rows)
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

async function textOf(
  format: 'ndjson' | 'csv',
  column: Field,
  batch: Frame,
  options: Partial<RowEncoderOptions> = {},
): Promise<string> {
  const encoder = createRowEncoder(format, schemaOf(column), { chunkRows: 1000, rowFormat: 'arrays', ...options })
  const pieces: Uint8Array[] = []
  for await (const { bytes } of encoder.batch(batch)) pieces.push(bytes)
  return Buffer.concat(pieces).toString('latin1')
}

/** The values of a column as JSON. */
const jsonOf = async (format: string, rows: number, ...buffers: Uint8Array[]) =>
  (await textOf('ndjson', field(format), batchOf(rows, buffers)))
    .trim()
    .split('\n')
    .map((line) => line.slice(1, -1))

const texts = (values: readonly Uint8Array[]): Uint8Array[] => {
  const offsets = new Int32Array(values.length + 1)
  for (const [i, { length }] of values.entries()) offsets[i + 1] = offsets[i]! + length
  return [bytesOf(offsets), Buffer.concat(values)]
}

describe('text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => new TextEncoder().encode(text)),
    fc.string({ unit: 'grapheme-ascii', maxLength: 70 }).map((text) => new TextEncoder().encode(text)),
  )

  it('is what JSON.stringify writes for it, with U+FFFD for invalid UTF-8', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 20 }), async (values) => {
        const lines = await jsonOf('u', values.length, ...texts(values))
        const wanted = values.map((value) => JSON.stringify(Buffer.from(value).toString()))
        // JSON.stringify escapes DEL and others no differently; both are UTF-8.
        expect(lines.map((line) => Buffer.from(line, 'latin1').toString())).toEqual(wanted)
      }),
      { numRuns: 500 },
    )
  })

  it('is in quotes in CSV only if it needs them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 20 }), async (values) => {
        const text = await textOf('csv', field('u'), batchOf(values.length, texts(values)))
        const wanted = values.map((value) => {
          const plain = Buffer.from(value).toString()
          return `${plain === '' || /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain}\r\n`
        })
        expect(Buffer.from(text, 'latin1').toString()).toBe(wanted.join(''))
      }),
      { numRuns: 500 },
    )
  })

  it('of any length is complete, wherever its parts end', async () => {
    const units = ['é"x', 'plain', '日本語,\n', '🚀', '\u0000']
    for (const unit of units)
      for (const length of [16_383, 16_384, 16_385, 16_386, 16_387, 32_770, 100_001]) {
        // Cut in the middle of a character, and with stray bytes.
        const value = Buffer.concat([Buffer.from(unit.repeat(length)).subarray(0, length), Buffer.alloc(5, 0x80)])
        const [line] = await jsonOf('u', 1, ...texts([value]))
        expect(Buffer.from(line!, 'latin1').toString() === JSON.stringify(value.toString())).toBe(true)
        const record = await textOf('csv', field('u'), batchOf(1, texts([value])))
        const plain = value.toString()
        const wanted = /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"\r\n` : `${plain}\r\n`
        expect(Buffer.from(record, 'latin1').toString() === wanted).toBe(true)
      }
    const stray = Buffer.alloc(50_000, 0x80)
    const [line] = await jsonOf('u', 1, ...texts([stray]))
    expect(Buffer.from(line!, 'latin1').toString() === JSON.stringify(stray.toString())).toBe(true)
  })
})

describe('numbers', () => {
  it('of 64 bits are JSON numbers up to 2^53 - 1, else strings', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { minLength: 1 }), async (values) => {
        const all = values.flatMap((value) => [value, value >> 10n, value >> 11n, value >> 40n])
        const wanted = all.map((value) => (Number.isSafeInteger(Number(value)) ? `${value}` : `"${value}"`))
        expect(await jsonOf('l', all.length, bytesOf(BigInt64Array.from(all)))).toEqual(wanted)
        const unsigned = all.map((value) => BigInt.asUintN(64, value))
        expect(await jsonOf('L', all.length, bytesOf(BigUint64Array.from(unsigned)))).toEqual(
          unsigned.map((value) => (Number.isSafeInteger(Number(value)) ? `${value}` : `"${value}"`)),
        )
      }),
    )
  })

  it('of floating point are what JSON.stringify writes; -0, NaN and infinities stay themselves', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
        async (values) => {
          const wanted = values.map((value) => (Object.is(value, -0) ? '-0.0' : JSON.stringify(value)))
          expect(await jsonOf('g', values.length, bytesOf(Float64Array.from(values)))).toEqual(wanted)
        },
      ),
    )
    const odd = bytesOf(Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY))
    expect(await jsonOf('g', 3, odd)).toEqual(['"NaN"', '"Infinity"', '"-Infinity"'])
  })

  it('decimals have all digits', async () => {
    const digits = fc.bigInt(-(2n ** 127n), 2n ** 127n - 1n)
    await fc.assert(
      fc.asyncProperty(
        digits,
        fc.integer({ min: 0, max: 127 }),
        fc.integer({ min: 0, max: 38 }),
        async (n, shift, scale) => {
          const value = n >> BigInt(shift)
          const words = BigUint64Array.of(BigInt.asUintN(64, value), BigInt.asUintN(64, value >> 64n))
          const [cell] = await jsonOf(`d:38,${scale}`, 1, bytesOf(words))
          const text = cell!.replaceAll('"', '')
          expect(BigInt(text.replace('.', ''))).toBe(value)
          expect(text.split('.')[1]?.length ?? 0).toBe(scale)
          const significant = text.replace(/[-.]/g, '').replace(/^0+|0+$/g, '').length
          expect(cell!.startsWith('"')).toBe(significant > 15)
          expect(Number.isNaN(Number(text))).toBe(false)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('decimals with a scale that is no digit count stay short', async () => {
    const value = bytesOf(BigInt64Array.of(12n, 0n))
    expect(await jsonOf('d:38,-3', 1, value)).toEqual(['12e3'])
    expect(await jsonOf('d:38,2000000000', 1, value)).toEqual(['"12e-2000000000"'])
  })
})

describe('intervals', () => {
  it('are ISO 8601 durations', async () => {
    expect(await jsonOf('tiM', 2, bytesOf(Int32Array.of(14, -1)))).toEqual(['"P14M"', '"P-1M"'])
    expect(await jsonOf('tiD', 2, bytesOf(Int32Array.of(3, 1500, -1, -1)))).toEqual(['"P3DT1.5S"', '"P-1DT-0.001S"'])
  })
})

describe('hostile batches', () => {
  const list = field('+l', [field('l')])
  const cases: readonly (readonly [string, Field, Frame])[] = [
    ['offsets beyond the data', field('u'), batchOf(1, [bytesOf(Int32Array.of(0, 1_000_000)), new Uint8Array(8)])],
    ['offsets that descend', field('u'), batchOf(2, [bytesOf(Int32Array.of(0, 8, 2)), new Uint8Array(8)])],
    ['negative offsets', field('U'), batchOf(1, [bytesOf(BigInt64Array.of(-8n, 2n)), new Uint8Array(8)])],
    ['a buffer that is too short', field('l'), batchOf(9, [new Uint8Array(8)])],
    ['a view of no buffer', field('vu'), batchOf(1, [bytesOf(Int32Array.of(50, 0, 3, 0))])],
    ['a missing column', list, batchOf(1, [bytesOf(Int32Array.of(0, 1))])],
    ['a type id of no member', field('+us:0', [field('l')]), batchOf(0, [])],
  ]

  it.each(cases)('%s: the encoder ends with MALFORMED', async (_, column, batch) => {
    await expect(textOf('ndjson', column, batch)).rejects.toMatchObject({ code: 'MALFORMED' })
  })

  it('any bytes end as text or as an ArrowError', async () => {
    const columns = [
      field('u'),
      field('vu'),
      field('d:38,2'),
      field('tsn:UTC'),
      field('w:3'),
      field('+w:2', [field('i')]),
      list,
    ]
    const corrupt = fc.uint8Array({ minLength: 64, maxLength: 64 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...columns),
        fc.nat(20),
        corrupt,
        corrupt,
        async (column, rows, first, second) => {
          try {
            await textOf('ndjson', column, batchOf(rows, [first, second]))
          } catch (error) {
            expect(error).toBeInstanceOf(ArrowError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
