import { UnfitParameter } from './query-parameter.ts'

const plainDecimal = /^([+-]?)(\d+)(?:\.(\d+))?$/
const NUMERIC_LIMITS = { whole: 29, scale: 9 } as const
const BIGNUMERIC_LIMITS = { whole: 39, scale: 38 } as const
const MIDNIGHT = /T00:00:00(?:\.0+)?$/
const UTC = '+00:00'
const MAX_INT64 = 2n ** 63n - 1n

const numbers = new Set(['INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC'])
/** Types whose texts BigQuery itself reads, as it would read a literal in quotes. */
const readsText = new Set([
  'INT64',
  'FLOAT64',
  'NUMERIC',
  'BIGNUMERIC',
  'BOOL',
  'DATE',
  'DATETIME',
  'TIME',
  'TIMESTAMP',
  'JSON',
  'GEOGRAPHY',
  'INTERVAL',
])

/** A scalar with its type. */
export interface TypedText {
  readonly type: string
  readonly text: string
}

/**
 * Gives a value the type that the statement expects, if none of it is lost; else it keeps its own, for BigQuery to convert or
 * refuse.
 * @param text as `scalarText` writes it for its type
 * @param expected type that a dry run has found
 */
export function castText({ type, text }: TypedText, expected: string): TypedText {
  if (type === expected) return { type, text }
  const kept = { type, text }
  const cast = { type: expected, text }
  if (type === 'STRING') {
    if (expected === 'BYTES') return { type: expected, text: Buffer.from(text).toString('base64') }
    return readsText.has(expected) ? cast : kept
  }
  if (expected === 'STRING') return type === 'BYTES' ? kept : cast
  if (numbers.has(type)) return fitsNumber(text, expected) ? cast : kept
  if (type === 'DATE') return toMoment(kept, `${text}T00:00:00`, expected)
  if (type === 'DATETIME') return expected === 'DATE' ? toDate(kept, text) : toMoment(kept, text, expected)
  if (type === 'TIMESTAMP') {
    const wall = text.slice(0, -UTC.length)
    return expected === 'DATE' ? toDate(kept, wall) : toMoment(kept, wall, expected)
  }
  return kept
}

function toDate(kept: TypedText, wall: string): TypedText {
  return MIDNIGHT.test(wall) ? { type: 'DATE', text: wall.slice(0, 10) } : kept
}

function toMoment(kept: TypedText, wall: string, expected: string): TypedText {
  if (expected === 'DATETIME') return { type: expected, text: wall }
  return expected === 'TIMESTAMP' ? { type: expected, text: wall + UTC } : kept
}

function fitsNumber(text: string, expected: string): boolean {
  if (expected === 'FLOAT64') return true
  if (expected === 'NUMERIC') return fitsDecimal(text, NUMERIC_LIMITS)
  if (expected === 'BIGNUMERIC') return fitsDecimal(text, BIGNUMERIC_LIMITS)
  return expected === 'INT64' && fitsInt64(text)
}

/** Whether a number has no more digits than a decimal type. */
function fitsDecimal(text: string, { whole, scale }: { readonly whole: number; readonly scale: number }): boolean {
  const match = plainDecimal.exec(text)
  return match !== null && match[2]!.replace(/^0+/, '').length <= whole && (match[3] ?? '').length <= scale
}

/** Whether a text is an integer of 64 bits. */
function fitsInt64(text: string): boolean {
  if (!/^[+-]?\d{1,20}$/.test(text)) return false
  const value = BigInt(text.replace('+', ''))
  return value <= MAX_INT64 && value >= -MAX_INT64 - 1n
}

/** Checks that a number is within its type. @throws UnfitParameter */
export function checkNumber({ type, text }: TypedText): void {
  if (type === 'INT64' && !fitsInt64(text)) throw new UnfitParameter('is beyond an INT64')
  if (type === 'BIGNUMERIC' && !fitsDecimal(text, BIGNUMERIC_LIMITS))
    throw new UnfitParameter('has more digits than a BIGNUMERIC')
}

/** Removes zeros at the end of a fraction. */
export function trimDecimal(text: string): string {
  return text.includes('.') && !/e/i.test(text) ? text.replace(/\.?0+$/, '') : text
}
