import { z } from 'zod'
import { optionalWholeNumber } from './value.ts'

const dollars = (about: string) => z.number().min(0).max(9_000_000).optional().describe(about)

/** Limits of what statements may cost; the settings of `budgets`, of a source, a group and an API key. */
export const budgetSettings = {
  maxCostPerQueryUsd: dollars('Most that one statement may cost, in US dollars.'),
  maxBytesPerQuery: optionalWholeNumber('Most bytes that one statement may bill.', { min: 0, max: 2 ** 53 - 1 }),
  dailyBudgetUsd: dollars('Most that all statements of a day may cost, in US dollars.'),
  monthlyBudgetUsd: dollars('Most that all statements of a month may cost, in US dollars.'),
}

/** Schema of the settings that `budgetSettings` lists. */
export const budgetSchema = z.strictObject(budgetSettings)

/** Limits of what statements may cost. An absent limit does not apply; 0 allows only what is free. */
export type BudgetSettings = Readonly<z.output<typeof budgetSchema>>
