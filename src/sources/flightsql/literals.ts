import { type Field, type Schema, type Table, Type, tableFromIPC } from 'apache-arrow'
import { GatewayError } from '../../query/errors.ts'
import { MAX_PLACEHOLDERS } from './statement-text.ts'

const MAX_ROWS = 1000

/** A statement with places for parameters. */
export interface Template {
  readonly sql: string
  /** The places of its `?`, in order. */
  readonly placeholders: readonly number[]
}

/** The statement with these texts in place of its `?`, in order. */
function fill({ sql, placeholders }: Template, texts: readonly string[]): string {
  let out = ''
  let from = 0
  for (const [i, place] of placeholders.entries()) {
    out += sql.slice(from, place) + texts[i]!
    from = place + 1
  }
  return out + sql.slice(from)
}

/** The statement with NULL for each parameter, as far as its result can be told without their values. */
export function withNulls(template: Template): string {
  return fill(
    template,
    template.placeholders.map(() => 'NULL'),
  )
}

/** Statements with values in them, made one at a time: each may be as long as a statement can be. */
export interface LiteralRows {
  readonly count: number
  /** @throws GatewayError UNSUPPORTED_TYPE, BAD_DATA */
  statement(row: number): string
}

/**
 * A statement for each row of parameters, the values written as typed literals of Dremio's SQL.
 * Source: https://docs.dremio.com/current/reference/sql/data-types/.
 * @param stream Arrow IPC stream
 * @throws GatewayError BAD_SQL, BAD_REQUEST, UNSUPPORTED_TYPE, TOO_LARGE
 */
export function withLiterals(template: Template, stream: Uint8Array): LiteralRows {
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
      `Each row of parameters is a statement of its own here: bind at most ${MAX_ROWS}.`,
    )
  const columns = fields.map((_, i) => table.getChildAt(i)!)
  return {
    count: table.numRows,
    statement: (row) =>
      fill(
        template,
        fields.map((field, i) => literal(field, columns[i]!.get(row))),
      ),
  }
}

const MS_PER_DAY = 86_400_000

/** One value as a literal. @throws GatewayError UNSUPPORTED_TYPE, BAD_DATA */
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
      return missing ? 'CAST(NULL AS VARCHAR)' : textLiteral(String(value))
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

function textLiteral(text: string): string {
  if (text.includes('\0'))
    throw new GatewayError('BAD_DATA', 'A text of the parameters holds a NUL character, which no statement may.')
  return `'${text.replaceAll("'", "''")}'`
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
