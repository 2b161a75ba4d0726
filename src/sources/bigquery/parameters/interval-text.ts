import { UnfitParameter } from './query-parameter.ts'

/** What the gateway writes for intervals and durations: ISO 8601 with months, days and seconds. */
const isoInterval = /^P(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(-?)(\d+)(?:\.(\d+))?S)?$/
const MICRO_DIGITS = 6

/** Rewrites an interval as BigQuery reads it, `Y-M D H:M:S.F`; fractions are cut to microseconds. @throws UnfitParameter */
export function intervalText(iso: string): string {
  const match = isoInterval.exec(iso)
  if (!match) throw new UnfitParameter('is not an interval')
  const [, months = '0', days = '0', sign = '', seconds = '0', fraction = ''] = match
  const absoluteMonths = Math.abs(Number(months))
  const years = `${months.startsWith('-') ? '-' : ''}${Math.floor(absoluteMonths / 12)}-${absoluteMonths % 12}`
  const whole = BigInt(seconds)
  const micros = fraction.slice(0, MICRO_DIGITS).replace(/0+$/, '')
  const clock = `${whole / 3600n}:${(whole / 60n) % 60n}:${whole % 60n}${micros && `.${micros}`}`
  return `${years} ${days} ${sign}${clock}`
}
