import { z } from 'zod'

/** Bounds and default of a whole-number setting. */
export interface WholeNumber {
  readonly min: number
  readonly max: number
  readonly default: number
}

/** A whole number with a default. */
export function wholeNumber(about: string, { min, max, default: value }: WholeNumber) {
  return z.int().min(min).max(max).default(value).describe(about)
}

/** A whole number that may be left out; what then holds is in the sentence. */
export function optionalWholeNumber(about: string, { min, max }: Omit<WholeNumber, 'default'>) {
  return z.int().min(min).max(max).optional().describe(about)
}

/** Text that may be given as `file:PATH`, whose content then counts, and that is never shown. */
export function secret(about: string, { mayBeEmpty = false } = {}) {
  return z
    .string()
    .min(mayBeEmpty ? 0 : 1)
    .describe(about)
    .meta({ secret: true })
}
