import { z } from 'zod'

/** A count or size that is always known. JSON numbers are exact up to 2^53 - 1. */
export function count(about: string) {
  return z.int().min(0).describe(about)
}

/** A count or size that is null where it is unknown, never 0. */
export function countOrUnknown(about: string) {
  return z.int().min(0).nullable().describe(about)
}

/** A time in milliseconds, with fractions. */
export function milliseconds(about: string) {
  return z.number().min(0).describe(about)
}

/** A time in milliseconds that is null if it was not reached. */
export function millisecondsOrUnknown(about: string) {
  return z.number().min(0).nullable().describe(about)
}

/** A price in US dollars; null if the source has none or does not tell. */
export function dollarsOrUnknown(about: string) {
  return z.number().min(0).nullable().describe(about)
}

/** A point in time as ISO 8601 in UTC. */
export function instant(about: string) {
  return z.string().meta({ format: 'date-time', description: about })
}

/** A point in time that is null if it is not known. */
export function instantOrUnknown(about: string) {
  return z.string().meta({ format: 'date-time' }).nullable().describe(about)
}
