import type { CallGuard } from '../../state/guarded.ts'
import type { Ledger } from './ledger.ts'

/**
 * A ledger whose calls have a time limit and fail with STATE_UNAVAILABLE.
 * @param reports guard of the reports, which take longer
 */
export function guardedLedger(ledger: Ledger, guard: CallGuard, reports: CallGuard): Ledger {
  return {
    reserve: (...args) => guard.run(() => ledger.reserve(...args)),
    submitted: (...args) => guard.run(() => ledger.submitted(...args)),
    settle: (...args) => guard.run(() => ledger.settle(...args)),
    correct: (...args) => guard.run(() => ledger.correct(...args)),
    release: (id) => guard.run(() => ledger.release(id)),
    balances: (...args) => guard.run(() => ledger.balances(...args)),
    mark: (...args) => guard.run(() => ledger.mark(...args)),
    open: (limit) => guard.run(() => ledger.open(limit)),
    entries: (ids) => guard.run(() => ledger.entries(ids)),
    usage: (selection) => reports.run(() => ledger.usage(selection)),
    top: (...args) => reports.run(() => ledger.top(...args)),
    close: () => ledger.close(),
  }
}
