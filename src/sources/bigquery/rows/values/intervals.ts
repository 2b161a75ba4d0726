import { BadValue } from '../bad-value.ts'
import { asciiText } from './ascii-text.ts'
import { writeProduct } from './int64.ts'

const MAX_BYTES = 64
const MAX_INT32 = 2_147_483_647
/** Nanoseconds of 64 bits express a little more than 2,562,047 hours. */
const MAX_SECONDS = 2_562_047 * 3600
const NANOS = 1e9
const intervalText = /^([+-]?)(\d{1,6})-(\d{1,2}) ([+-]?\d{1,8}) ([+-]?)(\d{1,9}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?$/

/**
 * Writes an INTERVAL `[-]Y-M [-]D [-]H:M:S[.F]` as months, days and nanoseconds.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#interval_type.
 * @throws BadValue, unsupported beyond 2,562,047 hours, for which the Storage Read API fails too
 */
export function writeInterval(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  const text = to - from <= MAX_BYTES ? asciiText(bytes, from, to) : ''
  const match = intervalText.exec(text)
  if (!match) throw new BadValue('is not an INTERVAL')
  const [, monthSign, years, months, days, clockSign, hours, minutes, seconds, fraction = ''] = match
  const allMonths = 12 * Number(years) + Number(months)
  if (allMonths > MAX_INT32 || Math.abs(Number(days)) > MAX_INT32) throw new BadValue('is not an INTERVAL')
  const allSeconds = 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds)
  if (allSeconds > MAX_SECONDS)
    throw new BadValue('is an INTERVAL of more than 2,562,047 hours, which Arrow cannot express', true)
  const nanos = Number(fraction.padEnd(9, '0'))
  words[at] = monthSign === '-' ? -allMonths : allMonths
  words[at + 1] = Number(days)
  if (clockSign !== '-') writeProduct(words, at + 2, allSeconds, NANOS, nanos)
  else if (nanos === 0) writeProduct(words, at + 2, -allSeconds, NANOS, 0)
  else writeProduct(words, at + 2, -allSeconds - 1, NANOS, NANOS - nanos)
}
