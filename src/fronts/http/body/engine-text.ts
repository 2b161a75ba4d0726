import { z } from 'zod'

/**
 * Text that may reach an engine. Engines stop reading at a NUL, and half of a surrogate pair would become another character: the
 * engine would run another statement than the client has sent.
 */
export function engineText(minCharacters = 1) {
  return z
    .string()
    .min(minCharacters)
    .refine((text) => !text.includes('\0'), 'must not contain a NUL character, which engines do not accept')
    .refine((text) => text.isWellFormed(), 'must be Unicode: it has half of a surrogate pair')
}

/** Whether a value fits `engineText()`. */
export function isEngineText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && value.isWellFormed()
}
