import { BadValue } from '../bad-value.ts'

const MINUS = 45
const ZERO = 48
const DAYS_TO_1970 = 719_468
const ERA_DAYS = 146_097
const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Bytes of `YYYY-MM-DD`. */
export const DATE_BYTES = 10

/**
 * Days since 1970-01-01 of a date `YYYY-MM-DD` of the proleptic Gregorian calendar, years 1 to 9999.
 * @throws BadValue
 */
export function parseDate(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < DATE_BYTES || bytes[at + 4] !== MINUS || bytes[at + 7] !== MINUS) throw notDate()
  const year = 100 * twoDigits(bytes, at) + twoDigits(bytes, at + 2)
  const month = twoDigits(bytes, at + 5)
  const day = twoDigits(bytes, at + 8)
  // A digit that is none makes its number NaN, for which no comparison holds.
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) throw notDate()
  const isLeap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day > daysOfMonth[month - 1]! + (isLeap ? 1 : 0)) throw notDate()
  // Howard Hinnant's days-from-civil: https://howardhinnant.github.io/date_algorithms.html.
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * ERA_DAYS + dayOfEra - DAYS_TO_1970
}

/** The number of two digits; NaN if they are none. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - ZERO
  const ones = bytes[at + 1]! - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : Number.NaN
}

/** Writes a date as days. @throws BadValue */
export function writeDate(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  if (to - from !== DATE_BYTES) throw notDate()
  words[at] = parseDate(bytes, from, to)
}

function notDate(): BadValue {
  return new BadValue('is not a date')
}
