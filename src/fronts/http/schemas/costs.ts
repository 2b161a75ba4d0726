import { z } from 'zod'
import { count, dollarsOrUnknown } from './figures.ts'

const dollars = (about: string) => z.number().min(0).describe(about)

const costFigures = {
  statements: count('Statements that were billed, also those that cost nothing.'),
  cost_usd: dollars('What they cost, in US dollars.'),
  billed_bytes: count('Bytes that were billed.'),
  slot_ms: count('Slot milliseconds, where the engine told them.'),
  cache_hits: count('Statements that the engine answered from its cache.'),
}

const costRowSchema = z
  .object({
    name: z.string().describe('The day, source, principal, group or label; empty for statements without a label.'),
    ...costFigures,
  })
  .meta({ id: 'CostRow', description: 'What statements have cost, by a name.' })

const topStatementSchema = z
  .object({
    statement_hash: z.string().describe('Hash of the text, as in the log.'),
    text: z.string().nullable().describe('Its beginning; null unless the log holds texts (`log.statements: text`).'),
    data_source: z.string().describe('Name of the source.'),
    principal: z.string().describe('Name of the principal.'),
    runs: count('How often it ran.'),
    cost_usd: dollars('What its runs cost, in US dollars.'),
    billed_bytes: count('Bytes that its runs billed.'),
  })
  .meta({ id: 'TopStatement', description: 'A statement that has cost much.' })

const budgetStateSchema = z
  .object({
    account: z.enum(['gateway', 'source', 'principal', 'group']).describe('Whose budget it is.'),
    name: z.string().describe('Name of the source, principal or group; empty for the gateway.'),
    period: z.enum(['day', 'month']).describe('How long it counts.'),
    limit_usd: dollars('The budget.'),
    spent_usd: dollars('What is spent of it.'),
    reserved_usd: dollars('What statements hold that run now.'),
  })
  .meta({ id: 'BudgetState', description: 'A budget, and what is spent of it.' })

/** Answer of `GET /api/v1/costs`. */
export const costsAnswer = z
  .object({
    month: z.string().describe('The month.'),
    time_zone: z.string().describe('Time zone of its days.'),
    data_source: z.string().nullable().describe('The source that is counted; null for all.'),
    principal: z.string().nullable().describe('The principal that is counted; null for all.'),
    group: z.string().nullable().describe('The group that is counted; null for all.'),
    label: z.string().nullable().describe('The label that is counted; null for all.'),
    ...costFigures,
    forecast_usd: dollarsOrUnknown('What the whole month is expected to cost; null if it is over or has no history.'),
    forecast_basis: z.string().nullable().describe('How the forecast was computed.'),
    budgets: z.array(budgetStateSchema).describe('Budgets of today and of this month.'),
    days: z.array(costRowSchema).describe('By day.'),
    data_sources: z.array(costRowSchema).describe('By source, the most expensive first.'),
    principals: z.array(costRowSchema).describe('By principal, the most expensive first.'),
    groups: z
      .array(costRowSchema)
      .describe('By group, the most expensive first. A statement counts for each group of its principal.'),
    labels: z
      .array(costRowSchema)
      .describe(
        'By label, the most expensive first, at most 100; empty if no statement has one. `(other)` are those of a principal and day after its first 50.',
      ),
    top_statements: z.array(topStatementSchema).describe('The statements that cost most, at most 20.'),
  })
  .meta({ id: 'Costs', description: 'What the statements of a month have cost.' })

/** Query parameters of `GET /api/v1/costs`. */
export const costsParameters = z.strictObject({
  month: z.string().optional().describe('The month, as `2026-11`; by default the current one.'),
  data_source: z.string().optional().describe('Counts the statements of one source.'),
  principal: z
    .string()
    .optional()
    .describe('Counts the statements of one principal. Without the grant `operate` a caller sees its own only.'),
  group: z.string().optional().describe('Counts the statements of one group.'),
  label: z.string().optional().describe('Counts the statements of one label.'),
})
