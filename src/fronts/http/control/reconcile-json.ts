import type { z } from 'zod'
import type { ReconcileReport } from '../../../cost/budget/reconciliation.ts'
import { usdOf } from '../../../cost/pricing/nano-usd.ts'
import type { reconcileAnswer } from './reconcile-schema.ts'

/** A reconciliation as JSON. */
export function reconcileJson(report: ReconcileReport): z.input<typeof reconcileAnswer> {
  const { source, since, jobs, settled, corrected, cleared, unknown, differences, others } = report
  return {
    data_source: source,
    since: new Date(since).toISOString(),
    jobs,
    settled,
    corrected,
    cleared,
    unknown,
    differences: differences.map(({ jobId, before, nanoUsd, billedBytes }) => ({
      job_id: jobId,
      state: before.state,
      ledger_usd: usdOf(before.nanoUsd),
      cost_usd: usdOf(nanoUsd),
      ledger_billed_bytes: before.billedBytes,
      billed_bytes: billedBytes,
    })),
    others: { jobs: others.jobs, billed_bytes: others.billedBytes, cost_usd: usdOf(others.nanoUsd) },
  }
}
