import { z } from 'zod'
import { wholeNumber } from '../../../src/config/setting/value.ts'

/** `sources.<name>` of kind `dummy`. */
export const dummySettings = z.strictObject({
  kind: z.literal('dummy').describe('A source that answers every statement with one row.'),
  answer: wholeNumber('The number in the row.', { min: 0, max: 1000, default: 42 }),
  failsToOpen: z.boolean().default(false).describe('Whether opening it fails.'),
})

/** Settings of a `dummy` source. */
export type DummySettings = z.output<typeof dummySettings>
