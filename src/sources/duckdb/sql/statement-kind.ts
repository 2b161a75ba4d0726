import { GatewayError } from '../../../query/errors.ts'
import type { StatementWords } from './statement-words.ts'

/** Numbers of `duckdb_statement_type`. Source: https://duckdb.org/docs/stable/clients/c/api#duckdb_statement_type. */
const names: Readonly<Record<number, string>> = {
  1: 'SELECT',
  2: 'INSERT',
  3: 'UPDATE',
  4: 'EXPLAIN',
  5: 'DELETE',
  6: 'PREPARE',
  7: 'CREATE',
  8: 'EXECUTE',
  9: 'ALTER',
  10: 'TRANSACTION',
  11: 'COPY',
  12: 'ANALYZE',
  13: 'SET VARIABLE',
  14: 'CREATE FUNCTION',
  15: 'DROP',
  16: 'EXPORT',
  17: 'PRAGMA',
  18: 'VACUUM',
  19: 'CALL',
  20: 'SET',
  21: 'LOAD',
  22: 'RELATION',
  23: 'EXTENSION',
  24: 'LOGICAL PLAN',
  25: 'ATTACH',
  26: 'DETACH',
  27: 'MULTI',
  28: 'COPY DATABASE',
  29: 'UPDATE EXTENSIONS',
  30: 'MERGE INTO',
}
/** Kinds that only read. They run in a read-only transaction, which stops a change inside EXPLAIN ANALYZE. */
const readKinds = new Set(['SELECT', 'EXPLAIN', 'CALL', 'RELATION'])
const writeKinds = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE INTO',
  'CREATE',
  'CREATE FUNCTION',
  'ALTER',
  'DROP',
  'ANALYZE',
  'VACUUM',
])
const perConnectionKinds = new Set(['PREPARE', 'EXECUTE', 'TRANSACTION'])

const explainedKinds = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE INTO', 'CREATE'])

/** EXPLAIN ANALYZE executes its statement, and a procedure may change anything. */
export const mayHideChange = /\b(analyze|call)\b/i

/**
 * Refuses the statement CHECKPOINT, which DuckDB reports as a CALL: it writes the file of the database, though a read-only
 * transaction lets it pass.
 * @throws GatewayError SANDBOXED
 */
export function refuseCheckpoint(type: number, { checkpoint }: StatementWords): void {
  if (names[type] === 'CALL' && checkpoint)
    throw new GatewayError('SANDBOXED', 'CHECKPOINT is not allowed: the database makes its checkpoints by itself.')
}

/** Whether EXPLAIN shows the plan of a statement of this kind. */
export function explainsKind(type: number): boolean {
  return explainedKinds.has(names[type] ?? '')
}

/**
 * Whether a statement of this kind changes data or the catalog.
 * @throws GatewayError SANDBOXED or BAD_SQL for kinds that the source does not run
 */
export function isUpdateKind(type: number): boolean {
  const name = names[type]
  if (name !== undefined && readKinds.has(name)) return false
  if (name !== undefined && writeKinds.has(name)) return true
  if (name !== undefined && perConnectionKinds.has(name))
    throw new GatewayError(
      'BAD_SQL',
      `${name} statements do not work here, since clients share connections: use the client's own calls for prepared statements and transactions.`,
    )
  throw new GatewayError(
    'SANDBOXED',
    `${name ?? 'Such'} statements are not allowed: queries cannot reach files, other databases, extensions or settings. The operator can run them at start with the source's init setting.`,
  )
}
