import { writePadded, writeUnsigned } from './digits.ts'

const MINUS = 45
const PLUS = 43
const ZERO = 48
const DAYS_TO_1970 = 719_468
const ERA_DAYS = 146_097
const MAX_PLAIN_YEAR = 9999
const SIGNED_YEAR_DIGITS = 6
/** The days whose text is kept, from 1900 to 2099. */
const FIRST_KEPT = -25_567
const KEPT_DAYS = 73_049
const DATE_BYTES = 10
const kept = new Uint8Array(KEPT_DAYS * DATE_BYTES)

/**
 * Writes a date of the proleptic Gregorian calendar. Years outside 0 to 9999 have a sign and at least six digits (ISO 8601).
 * @param day days since 1970-01-01, an exact integer
 * @returns the position after it
 */
export function writeDate(bytes: Uint8Array, at: number, day: number): number {
  const from = (day - FIRST_KEPT) * DATE_BYTES
  const isKept = day >= FIRST_KEPT && day < FIRST_KEPT + KEPT_DAYS
  if (isKept && kept[from] !== 0) {
    for (let i = 0; i < DATE_BYTES; i++) bytes[at + i] = kept[from + i]!
    return at + DATE_BYTES
  }
  const end = writeCivil(bytes, at, day)
  if (isKept) for (let i = 0; i < DATE_BYTES; i++) kept[from + i] = bytes[at + i]!
  return end
}

/** Howard Hinnant's civil-from-days: https://howardhinnant.github.io/date_algorithms.html. */
function writeCivil(bytes: Uint8Array, at: number, day: number): number {
  const z = day + DAYS_TO_1970
  const era = Math.floor(z / ERA_DAYS)
  const dayOfEra = z - era * ERA_DAYS
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * dayOfYear + 2) / 153)
  const dayOfMonth = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  let to = writeYear(bytes, at, yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
  bytes[to++] = MINUS
  to = writePadded(bytes, to, month, 2)
  bytes[to++] = MINUS
  return writePadded(bytes, to, dayOfMonth, 2)
}

function writeYear(bytes: Uint8Array, at: number, year: number): number {
  if (year >= 0 && year <= MAX_PLAIN_YEAR) return writePadded(bytes, at, year, 4)
  const absolute = Math.abs(year)
  bytes[at] = year < 0 ? MINUS : PLUS
  let to = at + 1
  for (let power = 10 ** (SIGNED_YEAR_DIGITS - 1); power > absolute && power > 1; power /= 10) bytes[to++] = ZERO
  return writeUnsigned(bytes, to, absolute)
}
