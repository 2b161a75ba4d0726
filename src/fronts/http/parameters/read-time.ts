import { UnfitValue } from './unfit-value.ts'

/** Unit of times: seconds, milliseconds, microseconds or nanoseconds. */
export type Clock = 's' | 'm' | 'u' | 'n'

const DAY_MS = 86_400_000
const perSecond: Readonly<Record<Clock, bigint>> = { s: 1n, m: 1_000n, u: 1_000_000n, n: 1_000_000_000n }
const fractionDigits: Readonly<Record<Clock, number>> = { s: 0, m: 3, u: 6, n: 9 }
const dateForm = /^([+-]?\d{4,6})-(\d\d)-(\d\d)$/
const timeForm = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/
const instantForm = /^([+-]?\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i

/** Days since 1970-01-01. @throws UnfitValue */
export function daysOf(text: string): bigint {
  const match = dateForm.exec(text)
  const [year, month, day] = (match?.slice(1) ?? []).map(Number)
  const date = new Date(0)
  if (match) date.setUTCFullYear(year!, month! - 1, day)
  if (!match || date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day)
    throw new UnfitValue('must be a date such as "2026-01-31"')
  return BigInt(Math.floor(date.getTime() / DAY_MS))
}

/** Time since midnight in a unit. @throws UnfitValue for a malformed time, or one with more digits than the unit */
export function timeOf(text: string, unit: Clock): bigint {
  const match = timeForm.exec(text)
  const [hours, minutes, seconds] = (match?.slice(1, 4) ?? []).map((part) => Number(part ?? 0))
  if (!match || hours! > 23 || minutes! > 59 || seconds! > 59)
    throw new UnfitValue('must be a time such as "23:59:58.5"')
  const digits = fractionDigits[unit]
  const fraction = (match[4] ?? '').replace(/0+$/, '')
  if (fraction.length > digits) throw new UnfitValue(`must have at most ${digits} digits after the second`)
  const whole = BigInt(hours! * 3600 + minutes! * 60 + seconds!)
  return whole * perSecond[unit] + BigInt(fraction.padEnd(digits, '0') || '0')
}

/**
 * Time since 1970-01-01 in a unit. Without an offset the text is taken as it is, or as UTC for a type with a time zone.
 * @throws UnfitValue for a malformed timestamp, and an offset for a type without a time zone
 */
export function instantOf(text: string, unit: Clock, hasZone: boolean): bigint {
  const match = instantForm.exec(text)
  if (!match) throw new UnfitValue('must be a timestamp such as "2026-01-31T23:59:58"')
  const [, date, time = '00:00', offset] = match
  if (offset !== undefined && !hasZone) throw new UnfitValue('has no time zone: leave the offset out')
  const days = daysOf(date!)
  return days * 86_400n * perSecond[unit] + timeOf(time, unit) - BigInt(offsetSeconds(offset)) * perSecond[unit]
}

function offsetSeconds(offset: string | undefined): number {
  if (offset === undefined || offset.toUpperCase() === 'Z') return 0
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2))
  return (offset.startsWith('-') ? -60 : 60) * minutes
}
