import { ApiError } from '../api-error.ts'
import type { FieldSchema, Row } from '../schema.ts'
import { type TimestampFormat, withTimestamps } from '../sql/values.ts'
import type { RowSource } from '../table.ts'

/** Limits of one page of rows. */
export interface PageLimits {
  readonly bytes: number
  readonly rows: number
}

/** One page of rows and where the next begins. */
export interface Page {
  readonly rows: readonly Row[]
  readonly pageToken?: string
}

/**
 * Rows from a place on until a limit is met; a page holds at least one row.
 * @throws ApiError for a token that is none
 */
export function pageOf(
  source: RowSource,
  schema: readonly FieldSchema[],
  at: { readonly pageToken?: string | undefined; readonly startIndex?: string | undefined },
  limits: PageLimits,
  format: TimestampFormat,
): Page {
  const start = at.pageToken ? tokenIndex(at.pageToken) : Number(at.startIndex ?? 0)
  const rows: Row[] = []
  let bytes = 0
  let index = start
  for (; index < source.length && rows.length < limits.rows; index++) {
    const row = source.at(index)
    const sent = format === 'INT64' ? row : formatted(row, schema, format)
    bytes += approximateSize(sent)
    if (bytes > limits.bytes && rows.length > 0) break
    rows.push(sent)
  }
  return { rows, ...(index < source.length && { pageToken: tokenOf(index) }) }
}

function formatted(row: Row, schema: readonly FieldSchema[], format: TimestampFormat): Row {
  return { f: row.f.map(({ v }, index) => ({ v: withTimestamps(v, schema[index]!, format) })) }
}

/** The form of timestamps that a request wants: floating-point seconds if it says nothing. */
export function timestampFormat(options: Readonly<Record<string, unknown>>): TimestampFormat {
  const named = options['timestampOutputFormat']
  if (named === 'INT64' || named === 'ISO8601_STRING') return named
  return String(options['useInt64Timestamp']).toLowerCase() === 'true' ? 'INT64' : 'FLOAT64'
}

/** The options of rows as they stand in the query of a URL. */
export function formatOptions(query: URLSearchParams): Readonly<Record<string, unknown>> {
  const names = ['useInt64Timestamp', 'timestampOutputFormat']
  return Object.fromEntries(names.map((name) => [name, query.get(`formatOptions.${name}`)]))
}

/** Bytes of a row as JSON, closely enough for limits. */
function approximateSize(row: Row): number {
  let size = 8
  for (const { v } of row.f)
    size += typeof v === 'string' ? v.length + 8 : v === null ? 10 : JSON.stringify(v).length + 6
  return size
}

function tokenOf(index: number): string {
  return Buffer.from(`row:${index}`).toString('base64url')
}

function tokenIndex(token: string): number {
  const [, index] = /^row:(\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (index === undefined) throw new ApiError(400, 'invalid', 'Invalid page token', 'pageToken')
  return Number(index)
}

/** A part of a list, with the token of the rest. */
export function listPage<T>(
  all: readonly T[],
  query: URLSearchParams,
): { items: readonly T[]; nextPageToken?: string } {
  const start = query.get('pageToken') ? tokenIndex(query.get('pageToken')!) : 0
  const count = Number(query.get('maxResults') ?? 1000) || 1000
  const next = start + count
  return { items: all.slice(start, next), ...(next < all.length && { nextPageToken: tokenOf(next) }) }
}
