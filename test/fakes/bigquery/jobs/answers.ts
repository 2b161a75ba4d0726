import { ApiError } from '../api-error.ts'
import { type FieldSchema, type Row, restField } from '../schema.ts'
import type { DmlStats } from '../sql/dml.ts'

/** What a statement answers instead of what the stand-in would find. */
export interface CannedAnswer {
  readonly schema?: readonly FieldSchema[]
  readonly rows?: readonly Row[]
  /** `SELECT` by default. */
  readonly statementType?: string
  readonly processedBytes?: number
  /** Of the dry run, if it differs from the run. */
  readonly estimatedBytes?: number
  readonly accuracy?: 'UNKNOWN' | 'PRECISE' | 'LOWER_BOUND' | 'UPPER_BOUND'
  /** Distinct tables that the run reads: each bills at least 10 MiB; 1 by default. */
  readonly tables?: number
  /** Routines that the dry run names, as `dataset.routine`. */
  readonly routines?: readonly string[]
  readonly slotMs?: number
  readonly dmlAffectedRows?: number
  /** The job stays RUNNING so long. */
  readonly durationMs?: number
  /** The job fails with it. */
  readonly error?: { readonly status: number; readonly reason: string; readonly message: string }
  /** Further fields of `statistics.query` after the run, such as `externalServiceCosts`. */
  readonly statistics?: Readonly<Record<string, unknown>>
}

/** Canned answers by the statement's text; the newest that matches counts. */
export class CannedAnswers {
  readonly #answers: { readonly match: string | RegExp; readonly answer: CannedAnswer }[] = []

  /** @param match the whole text without spaces around it, or a pattern in it */
  add(match: string | RegExp, answer: CannedAnswer): void {
    this.#answers.unshift({
      match: typeof match === 'string' ? match.trim() : match,
      answer: { ...answer, ...(answer.schema && { schema: answer.schema.map(restField) }) },
    })
  }

  find(sql: string): CannedAnswer | undefined {
    const text = sql.trim()
    return this.#answers.find(({ match }) => (typeof match === 'string' ? match === text : match.test(text)))?.answer
  }
}

/** Rows that a canned DML statement touched. */
export function cannedDml({ statementType = 'SELECT', dmlAffectedRows }: CannedAnswer): DmlStats | undefined {
  if (dmlAffectedRows === undefined) return undefined
  const count = String(dmlAffectedRows)
  if (statementType === 'UPDATE') return { updatedRowCount: count }
  if (statementType === 'DELETE' || statementType === 'TRUNCATE_TABLE') return { deletedRowCount: count }
  return { insertedRowCount: count }
}

export function cannedError({ error }: CannedAnswer): ApiError | undefined {
  return error && new ApiError(error.status, error.reason, error.message)
}
