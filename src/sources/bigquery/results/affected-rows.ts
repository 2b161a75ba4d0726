import type { QueryResultsHead } from '../rest/api.ts'

const dml = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** Rows that a statement has changed, as the answer to it tells; -1 if it does not. */
export function affectedRowsOf({ numDmlAffectedRows, dmlStats }: QueryResultsHead, statementType: string): number {
  if (numDmlAffectedRows !== undefined) return Number(numDmlAffectedRows)
  if (dmlStats) {
    const { insertedRowCount = 0, updatedRowCount = 0, deletedRowCount = 0 } = dmlStats
    return Number(insertedRowCount) + Number(updatedRowCount) + Number(deletedRowCount)
  }
  // Statements that define something change no rows; a script may have changed any number.
  return dml.has(statementType) || statementType === 'SCRIPT' || statementType === '' ? -1 : 0
}
