import { z } from 'zod'
import { optionalWholeNumber } from './value.ts'

const dollars = (about: string) => z.number().min(0).max(1000).optional().describe(about)

/** Schema of `sources.<name>.pricing`. */
export const pricingSchema = z.strictObject({
  model: z
    .enum(['on_demand', 'edition'])
    .default('on_demand')
    .describe('`on_demand`: the engine bills bytes. `edition`: it bills slots of reservations, and bytes are free.'),
  usdPerTib: dollars('Price of a TiB (2^40 bytes) on demand, instead of the list price of the region.'),
  edition: z
    .enum(['standard', 'enterprise', 'enterprise_plus'])
    .default('enterprise')
    .describe('Edition of the reservations, for the model `edition`.'),
  usdPerSlotHour: dollars('Price of a slot for an hour, instead of the list price of the edition.'),
  freeBytesPerMonth: optionalWholeNumber(
    'How many of the free bytes of the billing account this gateway may count as its own in a month. By default none: the gateway cannot see who else uses them.',
    { min: 0, max: 2 ** 40 },
  ),
})

/** How a source bills. */
export type PricingSettings = Readonly<z.output<typeof pricingSchema>>
