import { z } from 'zod'

/** Bounds and default of a whole-number setting. */
export interface WholeNumber {
  readonly min: number
  readonly max: number
  readonly default: number
}

/** A whole-number setting with a default. */
export function wholeNumber(about: string, { min, max, default: value }: WholeNumber) {
  return z.int().min(min).max(max).default(value).describe(about)
}

/** An optional whole-number setting. Its sentence states the default. */
export function optionalWholeNumber(about: string, { min, max }: Omit<WholeNumber, 'default'>) {
  return z.int().min(min).max(max).optional().describe(about)
}

/** A secret text, which is never shown. The value may be `file:PATH`, to read it from that file. */
export function secret(about: string, { mayBeEmpty = false } = {}) {
  return z
    .string()
    .min(mayBeEmpty ? 0 : 1)
    .describe(about)
    .meta({ secret: true })
}
