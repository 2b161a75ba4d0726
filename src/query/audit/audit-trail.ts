import type { GatewayError } from '../errors.ts'
import type { Context } from '../types.ts'

/** What the lines of the audit log are about. */
export type AuditEventName = 'statement' | 'login_failed' | 'admin' | 'reload' | 'lines_lost'

/** A value of a line; undefined leaves the member out. */
export type AuditValue = string | number | boolean | null | undefined | readonly AuditValue[] | AuditFields

/** Members of a line by their name. */
export interface AuditFields {
  readonly [name: string]: AuditValue
}

/** Records who did what, for auditors: `docs/audit.md` lists the lines and their members. */
export interface AuditTrail {
  /** Whether `admit` refuses now. */
  readonly isRefusing: boolean
  /** @throws GatewayError AUDIT_UNAVAILABLE if lines cannot be written and the settings then refuse what they would record */
  admit(): void
  /** Records an event. Never throws and never waits. @param ctx the call that caused it; undefined for the gateway itself */
  record(event: AuditEventName, ctx: AuditedCall | undefined, fields: AuditFields): void
  /** Records the end of a statement; the line follows once what it needs is known. */
  statementEnded(ended: EndedStatement): void
}

/** What a line tells of a call. */
export type AuditedCall = Pick<Context, 'requestId'> &
  Partial<Pick<Context, 'principal' | 'metadata' | 'peer' | 'front' | 'trace'>>

/** A statement that has ended, or could not be planned. */
export interface EndedStatement {
  readonly ctx: Context
  readonly source: string
  readonly sql: string
  readonly kind: 'read' | 'update' | 'ingest' | null
  readonly step: 'plan' | 'run'
  /** Table of an ingestion. */
  readonly ingestTable?: string | undefined
  readonly rows: number
  readonly bytes: number
  readonly totalMs: number
  readonly planMs?: number | undefined
  /** Undefined if it succeeded. */
  readonly failure: GatewayError | undefined
}
