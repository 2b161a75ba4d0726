import { z } from 'zod'
import { budgetSchema } from '../setting/budget.ts'
import { optionalWholeNumber } from '../setting/value.ts'
import { quotasSchema } from './quotas.ts'

/** Schema of `groups.<name>.members`: what an API key may set, for each member of a group. */
export const memberSchema = z.strictObject({
  defaultSource: z.string().optional().describe('Source of calls of a member that name no source.'),
  statementTimeoutMs: optionalWholeNumber('Time limit for a statement of a member to run and be read.', {
    min: 1,
    max: 30 * 86_400_000,
  }),
  quotas: quotasSchema.optional().describe('Quotas that each member has for itself, each instead of the general one.'),
  budgets: budgetSchema.optional().describe('What the statements of each member may cost.'),
})

type Given = Readonly<z.output<typeof memberSchema>>

/** Settings of a principal, its own or those of its groups. */
export type MemberSettings = { readonly [Name in keyof Given]: Exclude<Given[Name], undefined> }

/** The groups of the configuration, by name. */
export type MemberGroups = Readonly<Record<string, { readonly members: Given }>>

/**
 * The settings of a principal: its own, else those of the first of its groups that has one, in the order of the configuration. Each
 * quota and each budget counts by itself.
 * @param names groups of the principal
 * @param own settings of its API key
 */
export function memberSettingsOf(names: readonly string[], groups: MemberGroups, own: Given = {}): MemberSettings {
  const ofGroups = Object.entries(groups).flatMap(([name, { members }]) => (names.includes(name) ? [members] : []))
  // The last one that sets a member counts.
  const inTurn = [...ofGroups.reverse(), own]
  const quotas: Given['quotas'] = Object.assign({}, ...inTurn.map((each) => each.quotas))
  const budgets: Given['budgets'] = Object.assign({}, ...inTurn.map((each) => each.budgets))
  return {
    ...Object.assign({}, ...inTurn),
    ...(inTurn.some((each) => each.quotas) && { quotas }),
    ...(inTurn.some((each) => each.budgets) && { budgets }),
  }
}
