import { type Field, type Schema, type Table, Type, tableFromIPC } from 'apache-arrow'
import { GatewayError } from '../../query/errors.ts'
import { bareText } from './statement-tokens.ts'

const MAX_ROWS = 1000

/** The places of `?` in a statement, outside of literals, quoted names and comments. */
export function placeholders(sql: string): number[] {
  return [...bareText(sql).matchAll(/\?/g)].map(({ index }) => index)
}

/** The statement with these texts in place of its `?`, in order. */
function fill(sql: string, at: readonly number[], texts: readonly string[]): string {
  let out = ''
  let from = 0
  for (const [i, place] of at.entries()) {
    out += sql.slice(from, place) + texts[i]!
    from = place + 1
  }
  return out + sql.slice(from)
}

/** The statement with NULL for each parameter, as far as its result can be told without their values. */
export function withNulls(sql: string): string {
  const at = placeholders(sql)
  return fill(
    sql,
    at,
    at.map(() => 'NULL'),
  )
}

/**
 * A statement for each row of parameters, its values written as typed literals of Dremio's SQL.
 * Source: https://docs.dremio.com/current/reference/sql/data-types/.
 * @param stream Arrow IPC stream
 * @throws GatewayError BAD_SQL, BAD_REQUEST, UNSUPPORTED_TYPE, TOO_LARGE
 */
export function withLiterals(sql: string, stream: Uint8Array): string[] {
  let table: Table
  try {
    table = tableFromIPC(stream)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The parameters are not a valid Arrow stream.', { cause })
  }
  const at = placeholders(sql)
  const fields = (table.schema as Schema).fields
  if (fields.length !== at.length)
    throw new GatewayError('BAD_SQL', `The statement has ${at.length} parameters, not ${fields.length}.`)
  if (table.numRows > MAX_ROWS)
    throw new GatewayError(
      'TOO_LARGE',
      `Each row of parameters is a statement of its own here: bind at most ${MAX_ROWS}.`,
    )
  const columns = fields.map((_, i) => table.getChildAt(i)!)
  return Array.from({ length: table.numRows }, (_, row) =>
    fill(
      sql,
      at,
      fields.map((field, i) => literal(field, columns[i]!.get(row))),
    ),
  )
}

const MS_PER_DAY = 86_400_000

/** One value as a literal. @throws GatewayError UNSUPPORTED_TYPE */
function literal(field: Field, value: unknown): string {
  const { type } = field
  const missing = value === null || value === undefined
  switch (type.typeId) {
    case Type.Null:
      return 'NULL'
    case Type.Bool:
      return missing ? 'CAST(NULL AS BOOLEAN)' : value ? 'TRUE' : 'FALSE'
    case Type.Int: {
      const name = (type as unknown as { bitWidth: number }).bitWidth > 32 ? 'BIGINT' : 'INTEGER'
      return `CAST(${missing ? 'NULL' : String(value)} AS ${name})`
    }
    case Type.Float: {
      const number = Number(value)
      if (!missing && !Number.isFinite(number)) return `CAST('${number}' AS DOUBLE)`
      return `CAST(${missing ? 'NULL' : String(number)} AS DOUBLE)`
    }
    case Type.Decimal: {
      const { precision, scale } = type as unknown as { precision: number; scale: number }
      return `CAST(${missing ? 'NULL' : decimalText(value as Uint32Array, scale)} AS DECIMAL(${precision}, ${scale}))`
    }
    case Type.Utf8:
    case Type.LargeUtf8:
      return missing ? 'CAST(NULL AS VARCHAR)' : `'${String(value).replaceAll("'", "''")}'`
    case Type.Date:
      return missing ? 'CAST(NULL AS DATE)' : `DATE '${iso(Number(value)).slice(0, 10)}'`
    case Type.Timestamp:
      return missing ? 'CAST(NULL AS TIMESTAMP)' : `TIMESTAMP '${iso(Number(value)).slice(0, 23).replace('T', ' ')}'`
    case Type.Time: {
      const units = [1000, 1, 1e-3, 1e-6]
      const ms = Number(value) * units[(type as unknown as { unit: number }).unit]!
      return missing
        ? 'CAST(NULL AS TIME)'
        : `TIME '${iso(((ms % MS_PER_DAY) + MS_PER_DAY) % MS_PER_DAY).slice(11, 23)}'`
    }
    default:
      throw new GatewayError(
        'UNSUPPORTED_TYPE',
        `The parameter "${field.name}" has the type ${type}, which cannot be written as a literal.`,
      )
  }
}

function iso(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 || date.getUTCFullYear() > 9999)
    throw new GatewayError('BAD_DATA', 'A date of the parameters is out of range.')
  return date.toISOString()
}

/** The unscaled 128-bit value as text with its point. */
function decimalText(words: Uint32Array, scale: number): string {
  let unscaled = 0n
  for (let i = words.length - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[i]!)
  unscaled = BigInt.asIntN(32 * words.length, unscaled)
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  return scale > 0 ? `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}` : sign + digits
}
