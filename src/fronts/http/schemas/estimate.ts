import { z } from 'zod'
import { ArrowError } from '../../../arrow/errors.ts'
import { columnsOfSchema } from '../../../arrow/text/row-encoder.ts'
import type { Estimate } from '../../../query/estimate.ts'
import { estimateMembers } from '../../../query/estimates/estimate-members.ts'
import { count, countOrUnknown, dollarsOrUnknown } from './figures.ts'
import { columnsSchema } from './rows.ts'

const accuracies = ['unknown', 'estimated', 'lower_bound', 'upper_bound', 'exact'] as const
const textOrNone = (about: string) => z.string().nullable().describe(about)

const freeTierSchema = z
  .object({
    bytes_per_month: count('Free bytes of the billing account, whose other users the gateway does not see.'),
    own_bytes_per_month: count('How many of them the configuration gives to this gateway.'),
    own_bytes_left: countOrUnknown("How many of the gateway's own this month has left; the cost is without them."),
  })
  .meta({ id: 'FreeTier', description: 'What the engine does not bill in a month.' })

const priceSchema = z
  .object({
    model: z
      .enum(['on_demand', 'edition'])
      .describe('`on_demand`: the engine bills bytes. `edition`: it bills slots of a reservation, and bytes are free.'),
    region: z.string().describe('Region whose price applies, such as `US` or `europe-west3`.'),
    usd_per_tib: dollarsOrUnknown('Price of a TiB (2^40 bytes) in US dollars; null where slots are billed.'),
    usd_per_slot_hour: dollarsOrUnknown(
      'Price of a slot for an hour in US dollars; null where bytes are billed, or if it is not known.',
    ),
    edition: textOrNone('Edition of the reservation; null where bytes are billed.'),
    checked_on: textOrNone(
      'Day on which the price list was checked, as `2026-07-25`; null if the price is configured or has no such day.',
    ),
    is_assumed: z.boolean().describe('Whether the price list lacks the region, and its dearest price is assumed.'),
    free_tier: freeTierSchema.nullable().describe('What is free in a month; null where slots are billed.'),
  })
  .meta({ id: 'Price', description: 'How a cost was computed.' })

const adviceSchema = z
  .object({
    rule: z.string().describe('Name of the rule, such as `select_star`.'),
    message: z.string().describe('The advice with its figures, in one sentence.'),
    rewritten_query: textOrNone('The statement with the advice followed; null if the rule cannot write it.'),
    billable_bytes: countOrUnknown('Bytes that the engine would bill for the rewritten statement.'),
    saved_bytes: countOrUnknown('Billable bytes that the rewrite saves.'),
    saved_usd: dollarsOrUnknown('US dollars that the rewrite saves at each run.'),
  })
  .meta({ id: 'Advice', description: 'One way to make a statement cheaper.' })

/** An estimate in answers. A figure that the source cannot tell is null. */
export const estimateSchema = z
  .object({
    data_source: z.string().nullable().describe('Name of the source; null for a total over several sources.'),
    bytes: countOrUnknown('Bytes that the statement reads from its tables; null if the source cannot tell.'),
    rows: countOrUnknown('Rows of the result; null if the source cannot tell.'),
    billable_bytes: countOrUnknown(
      'Bytes that the engine would bill: `bytes` with its minimum and rounding; null if it bills none or cannot tell.',
    ),
    cost_usd: dollarsOrUnknown(
      'Price in US dollars, without what the engine does not tell in advance (`external_costs`); null if the source has none or cannot tell.',
    ),
    slot_ms: countOrUnknown('Compute time in slot-milliseconds, where the engine bills it; null if it cannot tell.'),
    price: priceSchema.nullable().describe('How the cost is computed; null if the source bills nothing.'),
    external_costs: z
      .array(z.string())
      .describe(
        'Why the bill may be higher than the figures, one sentence each: what the engine does not tell in advance.',
      ),
    statement_type: textOrNone(
      'Kind of the statement as the engine names it, such as `SELECT` or `SCRIPT`; null if the source does not tell.',
    ),
    accuracy: z
      .enum(accuracies)
      .describe(
        'How far the figures can be trusted. `unknown`: the source cannot tell. `estimated`: computed from statistics, may be off by orders of magnitude. `lower_bound`: the statement reads at least this much. `upper_bound`: the statement reads at most this much. `exact`: it reads exactly this much.',
      ),
    referenced_tables: z
      .array(z.string())
      .describe('Tables that the statement reads, as `catalog.schema.table`, if the source tells.'),
    suggestions: z.array(z.string()).describe('What would make the statement cheaper, one sentence each.'),
    advice: z.array(adviceSchema).describe('The suggestions that come from rules, with their figures.'),
    refusal: textOrNone('Why the gateway would refuse to run the statement now; null if it would not.'),
    columns: columnsSchema
      .nullable()
      .describe('Columns of the result; null in totals, if they are not known, and if a type has no name as text.'),
  })
  .meta({
    id: 'Estimate',
    description: 'What a statement would read and cost.',
    examples: [
      {
        data_source: 'demo',
        bytes: 9_600_000,
        rows: 600_572,
        billable_bytes: null,
        cost_usd: null,
        slot_ms: null,
        price: null,
        external_costs: [],
        statement_type: null,
        accuracy: 'estimated',
        referenced_tables: ['demo.main.lineitem'],
        suggestions: [],
        advice: [],
        refusal: null,
        columns: [{ name: 'l_orderkey', type: 'int64', nullable: true }],
      },
    ],
  })

/**
 * An estimate as JSON.
 * @param source undefined for a total over several sources
 * @param schema flatbuffer `Message` with the schema of the result; empty or absent if it is not known
 */
export function estimateJson(
  source: string | undefined,
  estimate: Estimate,
  schema?: Uint8Array,
): z.input<typeof estimateSchema> {
  const { price, advice, ...members } = estimateMembers(estimate)
  return {
    data_source: source ?? null,
    bytes: members.bytes ?? null,
    rows: members.rows ?? null,
    billable_bytes: members.billable_bytes ?? null,
    cost_usd: members.cost_usd ?? null,
    slot_ms: members.slot_ms ?? null,
    price: price ? priceJson(price) : null,
    external_costs: [...(members.external_costs ?? [])],
    statement_type: members.statement_type ?? null,
    accuracy: members.accuracy,
    referenced_tables: [...(members.referenced_tables ?? [])],
    suggestions: [...(members.suggestions ?? [])],
    advice: (advice ?? []).map(adviceJson),
    refusal: members.refusal ?? null,
    columns: schema?.byteLength ? columnsJson(schema) : null,
  }
}

type Members = ReturnType<typeof estimateMembers>

function priceJson({ free_tier, ...price }: NonNullable<Members['price']>): z.input<typeof priceSchema> {
  return {
    model: price.model,
    region: price.region,
    usd_per_tib: price.usd_per_tib ?? null,
    usd_per_slot_hour: price.usd_per_slot_hour ?? null,
    edition: price.edition ?? null,
    checked_on: price.checked_on ?? null,
    is_assumed: price.is_assumed ?? false,
    free_tier: free_tier ? { ...free_tier, own_bytes_left: free_tier.own_bytes_left ?? null } : null,
  }
}

function adviceJson(advice: NonNullable<Members['advice']>[number]): z.input<typeof adviceSchema> {
  return {
    rule: advice.rule,
    message: advice.message,
    rewritten_query: advice.rewritten_query ?? null,
    billable_bytes: advice.billable_bytes ?? null,
    saved_bytes: advice.saved_bytes ?? null,
    saved_usd: advice.saved_usd ?? null,
  }
}

/** The columns of a schema; null if it has a type without a name, which must not hide the figures. */
function columnsJson(schema: Uint8Array): z.input<typeof columnsSchema> | null {
  try {
    return columnsOfSchema(schema)
  } catch (error) {
    if (error instanceof ArrowError) return null
    throw error
  }
}
