import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encodeSchema } from '../../../src/arrow/schema.ts'
import { encodeParameters } from '../../../src/fronts/http/parameters/encode-parameters.ts'
import type { JsonScalar } from '../../../src/fronts/http/parameters/encode-value.ts'

const schemaOf = (...formats: string[]) =>
  encodeSchema({
    name: '',
    format: '+s',
    nullable: false,
    metadata: [],
    children: formats.map((format, i) => ({ name: `p${i}`, format, nullable: true, metadata: [], children: [] })),
  })
const rowOf = (values: readonly JsonScalar[], ...formats: string[]) => {
  const table = tableFromIPC(encodeParameters(values, formats.length > 0 ? schemaOf(...formats) : undefined))
  expect(table.numRows).toBe(1)
  return table.schema.fields.map(({ type }, i) => [String(type), table.getChildAt(i)!.get(0)])
}
const problems = (values: readonly JsonScalar[], ...formats: string[]) => {
  try {
    encodeParameters(values, schemaOf(...formats))
  } catch (error) {
    return (error as { errors: unknown }).errors ?? (error as Error).message
  }
  return undefined
}

describe('encodeParameters', () => {
  it('takes the types of the JSON values where the statement announces none', () => {
    expect(rowOf([1, 1.5, 'ä"😀', true, null])).toEqual([
      ['Int64', 1n],
      ['Float64', 1.5],
      ['Utf8', 'ä"😀'],
      ['Bool', true],
      ['Null', null],
    ])
  })

  it('takes the types that the statement announces', () => {
    expect(rowOf([7, '9007199254740993', '255', -128], 'i', 'l', 'C', 'c')).toEqual([
      ['Int32', 7],
      ['Int64', 9007199254740993n],
      ['Uint8', 255],
      ['Int8', -128],
    ])
    expect(rowOf([1, '0.1', 'NaN'], 'g', 'g', 'f')).toEqual([
      ['Float64', 1],
      ['Float64', 0.1],
      ['Float32', Number.NaN],
    ])
    expect(rowOf(['2026-01-31', '1969-12-31', '23:59:58.5', '12:00'], 'tdD', 'tdD', 'ttu', 'tts')).toMatchObject([
      ['Date32<DAY>', Date.UTC(2026, 0, 31)],
      ['Date32<DAY>', -86_400_000],
      ['Time64<MICROSECOND>', 86_398_500_000n],
      ['Time32<SECOND>', 43_200],
    ])
    expect(rowOf(['aGk=', 'aGk=', 'x'], 'z', 'w:2', 'vu')).toEqual([
      ['Binary', new Uint8Array([104, 105])],
      ['FixedSizeBinary[2]', new Uint8Array([104, 105])],
      ['Utf8', 'x'],
    ])
  })

  it('encodes timestamps and decimals in full precision', () => {
    const buffer = (value: JsonScalar, format: string) => {
      const column = tableFromIPC(encodeParameters([value], schemaOf(format))).getChildAt(0)!.data[0]!
      const words = new BigUint64Array(column.values.buffer, column.values.byteOffset, column.values.byteLength >> 3)
      return words.reduce((sum, word, i) => sum | (word << BigInt(64 * i)), 0n)
    }
    const at = BigInt(Date.UTC(2026, 0, 31, 23, 59, 58))
    expect(buffer('2026-01-31T23:59:58.123456789', 'tsn:')).toBe(at * 1_000_000n + 123_456_789n)
    expect(buffer('2026-01-31 23:59:58+02:30', 'tsu:UTC')).toBe((at - 9_000_000n) * 1000n)
    expect(buffer('123456789012345678901234567890.12', 'd:38,2')).toBe(12345678901234567890123456789012n)
    expect(buffer(-1.5, 'd:38,2')).toBe((1n << 128n) - 150n)
    expect(buffer('1e3', 'd:10,0')).toBe(1000n)
  })

  it('sends a null of every type', () => {
    const formats = ['b', 'l', 'g', 'u', 'U', 'z', 'tdD', 'ttu', 'tsu:', 'd:38,2', 'w:40', 'n']
    expect(
      rowOf(
        formats.map(() => null),
        ...formats,
      ).map(([, value]) => value),
    ).toEqual(formats.map(() => null))
  })

  it('lets the engine cast what is announced as text', () => {
    expect(rowOf([41, true, null], 'u', 'u', 'u')).toEqual([
      ['Int64', 41n],
      ['Bool', true],
      ['Utf8', null],
    ])
  })

  it('says which value does not fit, and why', () => {
    expect(problems([300, 'x', 2 ** 53, true], 'c', 'i', 'l', 'g')).toEqual([
      { path: 'parameters[0]', message: 'must be from -128 to 127' },
      { path: 'parameters[1]', message: 'must be a whole number' },
      { path: 'parameters[2]', message: 'is above 2^53, where JSON loses digits: send it as text' },
      { path: 'parameters[3]', message: 'must be a number, or "NaN", "Infinity" or "-Infinity"' },
    ])
    expect(problems(['2026-02-30', '24:00', '2026-01-01T00:00:00Z', '1.234'], 'tdD', 'tts', 'tsu:', 'd:5,2')).toEqual([
      { path: 'parameters[0]', message: 'must be a date such as "2026-01-31"' },
      { path: 'parameters[1]', message: 'must be a time such as "23:59:58.5"' },
      { path: 'parameters[2]', message: 'has no time zone: leave the offset out' },
      { path: 'parameters[3]', message: 'must have at most 2 digits after the point' },
    ])
    expect(problems([1], 'i', 'i')).toBe('The statement has 2 parameters, and the request has 1.')
    expect(problems([1, 2], 'i')).toBe('The statement has 1 parameter, and the request has 2.')
    expect(problems(['x'], 'tDs')).toMatchObject([{ path: 'parameters[0]' }])
  })
})
