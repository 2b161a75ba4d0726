import { z } from 'zod'
import type { Estimate } from '../../../query/estimate.ts'
import { countOrUnknown, dollarsOrUnknown } from './figures.ts'

const accuracies = ['unknown', 'estimated', 'lower_bound', 'upper_bound', 'exact'] as const

/** An estimate in answers. A figure that the source cannot tell is null. */
export const estimateSchema = z
  .object({
    data_source: z.string().nullable().describe('Name of the source; null for a total over several sources.'),
    bytes: countOrUnknown('Bytes that the statement reads from its tables; null if the source cannot tell.'),
    rows: countOrUnknown('Rows of the result; null if the source cannot tell.'),
    cost_usd: dollarsOrUnknown('Price in US dollars; null if the source has none or cannot tell.'),
    accuracy: z
      .enum(accuracies)
      .describe(
        'How far the figures can be trusted. `unknown`: the source cannot tell. `estimated`: computed from statistics, may be off by orders of magnitude. `lower_bound`: the statement reads at least this much. `upper_bound`: the statement reads at most this much. `exact`: it reads exactly this much.',
      ),
    referenced_tables: z
      .array(z.string())
      .describe('Tables that the statement reads, as `catalog.schema.table`, if the source tells.'),
    suggestions: z.array(z.string()).describe('What would make the statement cheaper, one sentence each.'),
  })
  .meta({
    id: 'Estimate',
    description: 'What a statement would read and cost.',
    examples: [
      {
        data_source: 'demo',
        bytes: 9_600_000,
        rows: 600_572,
        cost_usd: null,
        accuracy: 'estimated',
        referenced_tables: ['demo.main.lineitem'],
        suggestions: [],
      },
    ],
  })

/** An estimate as JSON. @param source undefined for a total over several sources */
export function estimateJson(source: string | undefined, estimate: Estimate): z.input<typeof estimateSchema> {
  return {
    data_source: source ?? null,
    bytes: estimate.bytes ?? null,
    rows: estimate.rows ?? null,
    cost_usd: estimate.costUsd ?? null,
    accuracy: estimate.accuracy,
    referenced_tables: [...(estimate.referencedTables ?? [])],
    suggestions: [...(estimate.suggestions ?? [])],
  }
}
