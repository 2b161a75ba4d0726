import { z } from 'zod'
import { budgetSchema, budgetSettings } from '../setting/budget.ts'
import { memberSchema } from './member-settings.ts'

/** Name of a group. */
export const groupName = z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')

/** Schema of `budgets`. */
export const budgetsSchema = z.strictObject({
  ...budgetSettings,
  timeZone: z
    .string()
    .refine(isTimeZone, 'must be a time zone of the IANA database, such as Europe/Berlin')
    .default('America/Los_Angeles')
    .describe('Time zone of days and months. The default is that of the bills and quotas of Google.'),
  warnAt: z
    .array(z.number().gt(0).max(1))
    .max(10)
    .default([0.5, 0.8, 1])
    .describe('Shares of a budget, each of which is logged once when so much of it is spent or reserved.'),
  whenUnknown: z
    .enum(['refuse', 'cap', 'allow'])
    .default('cap')
    .describe(
      'Statements whose cost the engine does not tell, and whose bill has no bound that follows from their tables, as a count of all rows and scripts without loops have. `refuse`: they do not run. `cap`: they reserve, and may bill, the limit of one statement; where a budget applies but no such limit, they do not run. `allow`: they run, and count once they are billed.',
    ),
  externalCost: z
    .enum(['refuse', 'allow'])
    .default('allow')
    .describe(
      'Statements that other services bill too, such as models and remote functions: what they cost is not known.',
    ),
  whenLedgerDown: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('Statements with a budget while the ledger does not answer. `allow` counts them later.'),
})

/** Schema of `groups`. */
export const groupsSchema = z
  .record(
    groupName,
    z.strictObject({
      budgets: budgetSchema.prefault({}).describe('Budget that the members share.'),
      members: memberSchema
        .prefault({})
        .describe(
          'What each member has, unless its API key sets it. Of several groups the first one in the file that sets it counts ([identity](identity.md#groups)).',
        ),
    }),
  )
  .default({})

/** Schema of `state`. */
export const stateSchema = z.strictObject({
  directory: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for what has to survive a restart: the ledger of what statements cost. Processes of one machine may share it. Without it, and without `redis`, the ledger ends with the process.',
    ),
})

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
