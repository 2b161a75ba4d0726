import { DateUnit, type Field, type Schema, type Table, Type, tableFromIPC, type Vector } from 'apache-arrow'
import { GatewayError } from '../../../query/errors.ts'
import { MAX_PLACEHOLDERS } from './statement-text.ts'

const MAX_ROWS = 1000

/** A statement with placeholders. */
export interface Template {
  readonly sql: string
  /** Offsets of its `?` in UTF-16 code units, in order. */
  readonly placeholders: readonly number[]
}

/** Replaces each `?` of the statement by a text, in order. */
function fill({ sql, placeholders }: Template, texts: readonly string[]): string {
  let out = ''
  let from = 0
  for (const [i, offset] of placeholders.entries()) {
    out += sql.slice(from, offset) + texts[i]!
    from = offset + 1
  }
  return out + sql.slice(from)
}

/** The statement with NULL for each parameter, to learn the schema of its result without values. */
export function withNulls(template: Template): string {
  return fill(
    template,
    template.placeholders.map(() => 'NULL'),
  )
}

/** One statement for each row of parameters, built on demand, because each may be as long as a statement can be. */
export interface InlinedRows {
  readonly count: number
  /** @throws GatewayError UNSUPPORTED_TYPE, BAD_DATA */
  statement(row: number): string
}

/**
 * Builds a statement for each row of parameters, with the values as typed literals of Dremio's SQL. It rounds times and
 * timestamps down to milliseconds.
 * Source: https://docs.dremio.com/current/reference/sql/data-types/.
 * @param stream Arrow IPC stream
 * @throws GatewayError BAD_SQL, BAD_REQUEST, BAD_DATA, UNSUPPORTED_TYPE, TOO_LARGE
 */
export function inlineParameters(template: Template, stream: Uint8Array): InlinedRows {
  let table: Table
  try {
    table = tableFromIPC(stream)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The parameters are not a valid Arrow stream.', { cause })
  }
  const count = template.placeholders.length
  const fields = (table.schema as Schema).fields
  if (count > MAX_PLACEHOLDERS)
    throw new GatewayError('BAD_SQL', `The statement has more than ${MAX_PLACEHOLDERS} parameters.`)
  if (fields.length !== count)
    throw new GatewayError('BAD_SQL', `The statement has ${count} parameters, not ${fields.length}.`)
  if (table.numRows > MAX_ROWS)
    throw new GatewayError(
      'TOO_LARGE',
      `The gateway runs one statement for each row of parameters: bind at most ${MAX_ROWS} rows.`,
    )
  const columns = fields.map((_, i) => table.getChildAt(i)!)
  const valuesOf = (row: number) =>
    fields.map((field, i) => {
      try {
        return literal(field, rawValue(columns[i]!, row))
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        const message = `Row ${row + 1} of the parameters, column ${i + 1} ("${field.name}"): ${error.message}.`
        throw new GatewayError('BAD_DATA', message)
      }
    })
  return { count: table.numRows, statement: (row) => fill(template, valuesOf(row)) }
}

/** A value of a column. Dates and timestamps are raw numbers, because Arrow's accessor converts, rounds or rejects them. */
function rawValue(column: Vector, row: number): unknown {
  const { typeId } = column.type
  if (typeId !== Type.Timestamp && typeId !== Type.Date) return column.get(row)
  let at = row
  for (const data of column.data) {
    if (at < data.length) return data.getValid(at) ? (data.values as BigInt64Array | Int32Array)[at] : null
    at -= data.length
  }
  return null
}

const DAY_MS = 86_400_000n
const MAX_BIGINT = 2n ** 63n - 1n
const MAX_DECIMAL_DIGITS = 38
/** Conversions to milliseconds, the precision of Dremio, in the order of Arrow's time units: seconds to nanoseconds. */
const toMs: readonly ((value: bigint) => bigint)[] = [
  (value) => value * 1000n,
  (value) => value,
  (value) => floorDivide(value, 1000n),
  (value) => floorDivide(value, 1_000_000n),
]

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return quotient * by > value ? quotient - 1n : quotient
}

/** Writes a value as a literal. @throws GatewayError UNSUPPORTED_TYPE; RangeError for a value outside of its SQL type */
function literal(field: Field, value: unknown): string {
  const { type } = field
  const missing = value === null || value === undefined
  switch (type.typeId) {
    case Type.Null:
      return 'NULL'
    case Type.Bool:
      return missing ? 'CAST(NULL AS BOOLEAN)' : value ? 'TRUE' : 'FALSE'
    case Type.Int: {
      const { bitWidth, isSigned } = type as unknown as { bitWidth: number; isSigned: boolean }
      const name = bitWidth > (isSigned ? 32 : 16) ? 'BIGINT' : 'INTEGER'
      if (!missing && BigInt(value as bigint | number) > MAX_BIGINT) throw new RangeError(`${value} is beyond a BIGINT`)
      return `CAST(${missing ? 'NULL' : String(value)} AS ${name})`
    }
    case Type.Float: {
      const number = Number(value)
      if (!missing && !Number.isFinite(number)) return `CAST('${number}' AS DOUBLE)`
      return `CAST(${missing ? 'NULL' : String(number)} AS DOUBLE)`
    }
    case Type.Decimal: {
      const { precision, scale } = type as unknown as { precision: number; scale: number }
      if (precision > MAX_DECIMAL_DIGITS || scale < 0) throw unsupported(field)
      const text = missing ? 'NULL' : decimalText(value as Uint32Array, precision, scale)
      return `CAST(${text} AS DECIMAL(${precision}, ${scale}))`
    }
    case Type.Utf8:
    case Type.LargeUtf8:
      return missing ? 'CAST(NULL AS VARCHAR)' : textLiteral(String(value))
    case Type.Date:
      return missing
        ? 'CAST(NULL AS DATE)'
        : `DATE '${iso(dateMs(unitOf(type), value as bigint | number)).slice(0, 10)}'`
    case Type.Timestamp: {
      if (missing) return 'CAST(NULL AS TIMESTAMP)'
      return `TIMESTAMP '${iso(toMs[unitOf(type)]!(value as bigint))
        .slice(0, 23)
        .replace('T', ' ')}'`
    }
    case Type.Time: {
      if (missing) return 'CAST(NULL AS TIME)'
      const ms = toMs[unitOf(type)]!(BigInt(value as bigint | number))
      if (ms < 0n || ms >= DAY_MS) throw new RangeError('the time is not within a day')
      return `TIME '${iso(ms).slice(11, 23)}'`
    }
    default:
      throw unsupported(field)
  }
}

function textLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('the text contains a NUL character, which SQL does not allow')
  return `'${text.replaceAll("'", "''")}'`
}

const unitOf = (type: unknown) => (type as { readonly unit: number }).unit

/** Converts a date, in days or milliseconds, to milliseconds. */
const dateMs = (unit: number, value: bigint | number) => BigInt(value) * (unit === DateUnit.DAY ? DAY_MS : 1n)

function unsupported({ name, type }: Field): GatewayError {
  return new GatewayError(
    'UNSUPPORTED_TYPE',
    `The parameter "${name}" has the type ${type}, which cannot be written as a literal.`,
  )
}

function iso(ms: bigint): string {
  const date = new Date(Number(ms))
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 || date.getUTCFullYear() > 9999)
    throw new RangeError('the date is out of range')
  return date.toISOString()
}

/** Writes an unscaled 128-bit decimal with its decimal point. */
function decimalText(words: Uint32Array, precision: number, scale: number): string {
  let unscaled = 0n
  for (let i = words.length - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[i]!)
  unscaled = BigInt.asIntN(32 * words.length, unscaled)
  if (unscaled >= 10n ** BigInt(precision) || unscaled <= -(10n ** BigInt(precision)))
    throw new RangeError(`the decimal has more than the ${precision} digits of its type`)
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  return scale > 0 ? `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}` : sign + digits
}
