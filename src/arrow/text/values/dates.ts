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
/** The first 8 bytes of the text of each kept day, as a double; 0 if it is not kept yet. */
const keptHeads = new Float64Array(KEPT_DAYS)
/** The last 2 bytes: the day of the month. */
const keptTails = new Uint16Array(KEPT_DAYS)

/**
 * Writes a date of the proleptic Gregorian calendar. Years outside 0 to 9999 have a sign and at least six digits (ISO 8601).
 * @param day days since 1970-01-01, an exact integer
 * @returns the position after it
 */
export function writeDate(view: DataView, at: number, day: number): number {
  const index = day - FIRST_KEPT
  const isKept = index >= 0 && index < KEPT_DAYS
  if (isKept && keptHeads[index] !== 0) {
    view.setFloat64(at, keptHeads[index]!, true)
    view.setUint16(at + 8, keptTails[index]!, true)
    return at + 10
  }
  const end = writeCivil(view, at, day)
  if (isKept) {
    keptHeads[index] = view.getFloat64(at, true)
    keptTails[index] = view.getUint16(at + 8, true)
  }
  return end
}

/** Howard Hinnant's civil-from-days: https://howardhinnant.github.io/date_algorithms.html. */
function writeCivil(view: DataView, at: number, day: number): number {
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
  let to = writeYear(view, at, yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
  view.setUint8(to++, MINUS)
  to = writePadded(view, to, month, 2)
  view.setUint8(to++, MINUS)
  return writePadded(view, to, dayOfMonth, 2)
}

function writeYear(view: DataView, at: number, year: number): number {
  if (year >= 0 && year <= MAX_PLAIN_YEAR) return writePadded(view, at, year, 4)
  const absolute = Math.abs(year)
  view.setUint8(at, year < 0 ? MINUS : PLUS)
  let to = at + 1
  for (let power = 10 ** (SIGNED_YEAR_DIGITS - 1); power > absolute && power > 1; power /= 10) view.setUint8(to++, ZERO)
  return writeUnsigned(view, to, absolute)
}
