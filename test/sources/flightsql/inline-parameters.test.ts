import {
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimeMicrosecond,
  TimeSecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  tableToIPC,
  Uint32,
  Uint64,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { inlineParameters } from '../../../src/sources/flightsql/statements/inline-parameters.ts'

/** The literal of the second of two rows; the first is 0. */
function literalOf(type: DataType, values: ArrayBufferView): string {
  const data = makeData({ type: type as Uint32, length: 2, data: values as Uint32Array })
  const fields = [new Field('p', type, true)]
  const batch = new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length: 2, nullCount: 0, children: [data] }),
  )
  const template = { sql: '?', placeholders: [0] }
  return inlineParameters(template, tableToIPC(new Table([batch]), 'stream')).statement(1)
}
const int64 = (value: bigint) => BigInt64Array.of(0n, value)
const decimal = (value: bigint) =>
  new Uint32Array(BigInt64Array.of(0n, 0n, BigInt.asIntN(64, value), value >> 64n).buffer)

describe('parameters as literals', () => {
  it.each([
    ['a microsecond before 1970', new TimestampMicrosecond(), int64(-1n), "TIMESTAMP '1969-12-31 23:59:59.999'"],
    ['a nanosecond before 1970', new TimestampNanosecond(), int64(-1n), "TIMESTAMP '1969-12-31 23:59:59.999'"],
    [
      'the last nanosecond of a millisecond',
      new TimestampNanosecond(),
      int64(1_700_000_000_000_999_999n),
      "TIMESTAMP '2023-11-14 22:13:20.000'",
    ],
    ['a second', new TimestampSecond(), int64(-1n), "TIMESTAMP '1969-12-31 23:59:59.000'"],
    ['a millisecond before a day', new DateMillisecond(), int64(-1n), "DATE '1969-12-31'"],
    ['a day', new DateDay(), Int32Array.of(0, -1), "DATE '1969-12-31'"],
    ['a time', new TimeMicrosecond(), int64(1999n), "TIME '00:00:00.001'"],
    ['an unsigned number', new Uint32(), Uint32Array.of(0, 4_294_967_295), 'CAST(4294967295 AS BIGINT)'],
    ['a decimal', new Decimal(2, 5, 128), decimal(-99_999n), 'CAST(-999.99 AS DECIMAL(5, 2))'],
  ])('%s is rounded toward minus infinity to the literal’s precision', (_name, type, values, literal) => {
    expect(literalOf(type, values)).toBe(literal)
  })

  it.each([
    ['a timestamp in seconds', new TimestampSecond(), int64(10n ** 13n)],
    ['a timestamp in seconds beyond every number', new TimestampSecond(), int64(2n ** 63n - 1n)],
    ['a timestamp in milliseconds', new TimestampMillisecond(), int64(-(2n ** 63n))],
    ['a date', new DateMillisecond(), int64(2n ** 62n)],
    ['a date in days', new DateDay(), Int32Array.of(0, 2 ** 31 - 1)],
    ['a time of the next day', new TimeMicrosecond(), int64(86_400_000_000n)],
    ['a negative time', new TimeSecond(), Int32Array.of(0, -1)],
    ['an unsigned number', new Uint64(), BigUint64Array.of(0n, 2n ** 63n)],
    ['a decimal of too many digits', new Decimal(2, 5, 128), decimal(100_000n)],
  ])('%s out of range is refused with its row and column', (_name, type, values) => {
    let thrown: unknown
    try {
      literalOf(type, values)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'BAD_DATA' })
    expect((thrown as Error).message).toMatch(/^Row 2 of the parameters, column 1 \("p"\): .*\.$/)
  })
})
