import { GatewayError } from '../../query/errors.ts'

/*
 * Functions of DuckDB 1.5 that a locked configuration does not stop: they switch what the whole process logs, profiles or
 * parses with, show what others run, take addresses, or run SQL out of a text, in which all of that could hide. One of
 * them ends the process when the sandbox keeps it from a file.
 */
const names = [
  'enable_logging',
  'disable_logging',
  'truncate_duckdb_logs',
  'duckdb_logs',
  'duckdb_log_contexts',
  'duckdb_logs_parsed',
  'enable_profiling',
  'disable_profiling',
  'enable_peg_parser',
  'disable_peg_parser',
  'json_execute_serialized_sql',
  'force_checkpoint',
  'duckdb_secrets',
  'which_secret',
  'arrow_scan',
  'arrow_scan_dumb',
  'seq_scan',
]
const GAP = String.raw`(?:\s|/\*[\s\S]*?\*/|--[^\n]*(?:\n|$))*`
// The whole text is searched, strings and comments too: a search that skips them can be led astray.
const anywhere = new RegExp(String.raw`\b(${names.join('|')})\b`, 'i')
const called = new RegExp(String.raw`\b(query)"?${GAP}\(`, 'i')
const escapedIdentifier = /\bU&"/i

/**
 * Refuses a statement that names such a function.
 * @throws GatewayError SANDBOXED
 */
export function refuseForbiddenFunctions(sql: string): void {
  const found = anywhere.exec(sql)?.[1] ?? called.exec(sql)?.[1]
  if (found !== undefined)
    throw new GatewayError(
      'SANDBOXED',
      `The function ${found.toLowerCase()} is not allowed, nor is its name in a statement.`,
    )
  if (escapedIdentifier.test(sql))
    throw new GatewayError('SANDBOXED', 'Identifiers written with Unicode escapes (U&"...") are not allowed.')
}
