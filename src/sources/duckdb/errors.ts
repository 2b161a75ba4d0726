import { type ErrorCode, GatewayError, type SqlPosition } from '../../query/errors.ts'

/** Longest message sent to a client, in characters. */
const MAX_TEXT = 2000

/**
 * The error code for each kind of DuckDB error. A message starts with its kind, up to the first colon.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/common/exception.cpp (names of the exception types).
 */
const codes: Readonly<Record<string, ErrorCode>> = {
  'Parser Error': 'BAD_SQL',
  'Syntax Error': 'BAD_SQL',
  'Binder Error': 'BAD_SQL',
  'Catalog Error': 'BAD_SQL',
  'Not implemented Error': 'BAD_SQL',
  'Expression Error': 'BAD_SQL',
  'Parameter Not Resolved Error': 'BAD_SQL',
  'Parameter Not Allowed Error': 'BAD_SQL',
  'Mismatch Type Error': 'BAD_DATA',
  'Invalid Type Error': 'BAD_DATA',
  'Conversion Error': 'BAD_DATA',
  'Out of Range Error': 'BAD_DATA',
  'Decimal Error': 'BAD_DATA',
  'Divide by Zero Error': 'BAD_DATA',
  'Invalid Input Error': 'BAD_DATA',
  'Invalid Error': 'BAD_DATA',
  'Constraint Error': 'BAD_DATA',
  'Sequence Error': 'BAD_DATA',
  'Object Size Error': 'BAD_DATA',
  'Permission Error': 'SANDBOXED',
  'Missing Extension Error': 'SANDBOXED',
  'Extension Autoloading Error': 'SANDBOXED',
  'Dependency Error': 'CONFLICT',
  'Out of Memory Error': 'OUT_OF_MEMORY',
  'TransactionContext Error': 'CONFLICT',
  'INTERRUPT Error': 'CANCELLED',
}
/** Kinds that are faults of the engine, not of a statement. */
const engineFaults: ReadonlySet<string> = new Set([
  'IO Error',
  'Fatal Error',
  'Internal Error',
  'INTERNAL Error',
  'Serialization Error',
])

const missingObject =
  /^Catalog Error: (Table|View|Schema|Catalog|Table or view|Type|Sequence|Macro)\b[^!]*does not exist/
const missingSessionSchema = /^Catalog Error: SET schema: No catalog \+ schema named/
const missingNamespace = /^(Catalog|Binder) Error: (Catalog|Schema|Database)\b[^!]*(does not exist|not found)/
const missingTable = /^Catalog Error: [^!]*could not be found/
const existing = /^Catalog Error: [^!]* already exists/
const readOnly = /read-only (mode|transaction)|in read-only|launched in read-only/
const sandbox = /disabled by configuration|configuration has been locked|external access/
const unchangeable = /Cannot (change|modify)/

/** The error for a change in a read-only source. */
export function readOnlyError(source: string): GatewayError {
  const message = `The source ${source} is read-only: set sources.${source}.writes: true to allow it.`
  return new GatewayError('READ_ONLY', message)
}

/**
 * Converts a DuckDB message to the error that the client gets: DuckDB's own text where it concerns the SQL, with the position
 * in it.
 */
export function duckDbError(message: string, source: string): GatewayError {
  const kind = /^([A-Za-z ]+ Error):/.exec(message)?.[1] ?? ''
  const details = {
    cause: new Error(message),
    ...((Object.hasOwn(codes, kind) || engineFaults.has(kind)) && { engineError: kind }),
  }
  if (readOnly.test(message))
    return new GatewayError(
      'READ_ONLY',
      `Queries are read-only: a statement that changes anything, even by nextval, needs sources.${source}.writes: true and the grant write on it.`,
      details,
    )
  const isLocked = unchangeable.test(message) && message.includes('locked')
  if (isLocked || sandbox.test(message) || codes[kind] === 'SANDBOXED')
    return new GatewayError('SANDBOXED', undefined, details)
  if (message.includes('Current transaction is aborted'))
    return new GatewayError(
      'CONFLICT',
      'A failed statement has aborted the transaction, and nothing of it is stored: roll back and begin a new one.',
      details,
    )
  if (message.includes('Unsupported Arrow type UNKNOWN'))
    return new GatewayError('BAD_SQL', 'The type of a parameter is not known: cast it, as in ?::INTEGER.', details)
  const code = existing.test(message)
    ? 'ALREADY_EXISTS'
    : missingTable.test(message) ||
        missingObject.test(message) ||
        missingNamespace.test(message) ||
        missingSessionSchema.test(message)
      ? 'UNKNOWN_OBJECT'
      : codes[kind]
  if (code === undefined) return new GatewayError('INTERNAL', undefined, details)
  if (code === 'CANCELLED' || code === 'OUT_OF_MEMORY') return new GatewayError(code, undefined, details)
  const position = positionOf(message)
  return new GatewayError(code, truncate(message), { ...details, ...(position && { position }) })
}

/** Reads the position from a message: `LINE n: <text>`, and a caret in the line below. */
function positionOf(message: string): SqlPosition | undefined {
  const match = /\nLINE (\d+): [^\n]*\n( *)\^/.exec(message)
  if (!match) return undefined
  const line = Number(match[1])
  const column = match[2]!.length - `LINE ${line}: `.length + 1
  return column >= 1 ? { line, column } : undefined
}

function truncate(text: string): string {
  const plain = text.slice(0, MAX_TEXT).replaceAll('\0', ' ')
  return text.length > MAX_TEXT ? `${plain}...` : plain
}
