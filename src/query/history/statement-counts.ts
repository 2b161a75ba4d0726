import type { AuditObserver } from '../stages/audit.ts'

interface Counts {
  statements: number
  failed: number
  rows: number
  bytes: number
}

/** Counts the statements, rows and bytes of each source between two samples, and passes all on to another observer. */
export class StatementCounts implements AuditObserver {
  readonly #next: AuditObserver
  readonly #bySource = new Map<string, Counts>()

  constructor(next: AuditObserver) {
    this.#next = next
  }

  /** The counts since the last call. */
  take(source: string): Readonly<Counts> {
    const counts = this.#of(source)
    this.#bySource.delete(source)
    return counts
  }

  onRows(source: string, rows: number, bytes: number): void {
    const counts = this.#of(source)
    counts.rows += rows
    counts.bytes += bytes
    this.#next.onRows(source, rows, bytes)
  }

  onPlanFailed(...of: Parameters<AuditObserver['onPlanFailed']>): void {
    const [source, outcome] = of
    this.#count(source, outcome)
    this.#next.onPlanFailed(...of)
  }

  onStatementStart(...of: Parameters<AuditObserver['onStatementStart']>): void {
    this.#next.onStatementStart(...of)
  }

  onFirstRows(...of: Parameters<AuditObserver['onFirstRows']>): void {
    this.#next.onFirstRows(...of)
  }

  onStatementEnd(...of: Parameters<AuditObserver['onStatementEnd']>): void {
    const [source, , outcome] = of
    this.#count(source, outcome)
    this.#next.onStatementEnd(...of)
  }

  #count(source: string, outcome: string): void {
    const counts = this.#of(source)
    counts.statements++
    if (outcome !== 'OK' && outcome !== 'CANCELLED') counts.failed++
  }

  #of(source: string): Counts {
    let counts = this.#bySource.get(source)
    if (!counts) {
      counts = { statements: 0, failed: 0, rows: 0, bytes: 0 }
      this.#bySource.set(source, counts)
    }
    return counts
  }
}
