import { z } from 'zod'
import { count, instant } from '../schemas/figures.ts'

const dollars = (about: string) => z.number().min(0).describe(about)

/** Body of `POST /api/v1/costs/reconcile`. */
export const reconcileBody = z
  .strictObject({
    data_source: z.string().min(1).describe('Name of the source.'),
    since: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('Jobs that ended at or after this time are compared; by default those of the last 24 hours.'),
  })
  .meta({
    id: 'ReconcileRequest',
    examples: [{ data_source: 'warehouse', since: '2026-11-01T00:00:00Z' }],
  })

/** Answer of `POST /api/v1/costs/reconcile`. */
export const reconcileAnswer = z
  .object({
    data_source: z.string().describe('Name of the source.'),
    since: instant('Jobs that ended at or after this time were compared.'),
    jobs: count('Jobs of the gateway in the list of the source.'),
    settled: count('Statements that had no bill and now have one.'),
    corrected: count('Statements that had another bill.'),
    cleared: count('Statements whose job never came to be: they cost nothing.'),
    unknown: count('Jobs of the gateway that the ledger does not know, or no longer.'),
    differences: z
      .array(
        z.object({
          job_id: z.string().describe('Id of the job at the source.'),
          state: z.string().describe('State of the statement in the ledger before.'),
          ledger_usd: dollars('Cost in the ledger before.'),
          cost_usd: dollars('Cost by the bill.'),
          ledger_billed_bytes: count('Billed bytes in the ledger before.'),
          billed_bytes: count('Billed bytes by the bill.'),
        }),
      )
      .describe('The first 100 differences.'),
    others: z
      .object({
        jobs: count('Jobs.'),
        billed_bytes: count('Bytes that they billed.'),
        cost_usd: dollars('Their cost by the price list.'),
      })
      .describe('Jobs that other programs ran. They count for no budget.'),
  })
  .meta({ id: 'Reconciliation', description: 'What a comparison of the ledger with a source has found and done.' })
