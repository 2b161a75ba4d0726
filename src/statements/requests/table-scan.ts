import { GatewayError } from '../../query/errors.ts'
import type { TableScan } from './statement-request.ts'

/** The quote of identifiers in standard SQL. */
export const STANDARD_QUOTE = '"'
const BACKTICK = '`'
const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Writes the statement of a scan. The filter stands on lines of its own, since it may end in a comment.
 * @param quote what the dialect quotes identifiers with; blank if it cannot
 * @throws GatewayError BAD_REQUEST for a name that cannot be written, or a limit that is no whole number
 */
export function scanText({ name, columns, filter, limit }: TableScan, quote: string): string {
  const table = partsOfName(name)
    .map(({ text }) => quoted(text, quote))
    .join('.')
  const list = columns.length === 0 ? '*' : columns.map((column) => quoted(column, quote)).join(', ')
  const where = isBlank(filter) ? '' : ` WHERE (\n${filter}\n)`
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
    throw new GatewayError('BAD_REQUEST', 'The limit of a table must be a whole number, 0 or more.')
  return `SELECT ${list} FROM ${table}${where}${limit === undefined ? '' : ` LIMIT ${limit}`}`
}

/** Whether there is no filter. */
export function isBlank(filter: string | undefined): boolean {
  return filter === undefined || filter.trim() === ''
}

/**
 * Writes the statement by whose names the gateway chooses the source of a scan. A part in backticks keeps them: it may hold
 * several parts, such as `project.dataset.table`.
 * @throws GatewayError BAD_REQUEST
 */
export function routingText(name: string): string {
  const parts = partsOfName(name)
  return `SELECT * FROM ${parts.map(({ text, mark }) => quoted(text, mark ?? STANDARD_QUOTE)).join('.')}`
}

/** Longest name of a table with its catalog and schemas: each part has some hundred characters at most in the engines. */
const MAX_NAME_CHARACTERS = 10_000

/** A part of a name, and what it stood in. */
interface NamePart {
  readonly text: string
  readonly mark?: string
}

/** Splits a name at the dots outside quotes, in time linear in its length. @throws GatewayError BAD_REQUEST */
export function partsOfName(name: string): readonly NamePart[] {
  if (name.length > MAX_NAME_CHARACTERS) throw badName(name)
  const parts: NamePart[] = []
  let at = 0
  do {
    const first = name[at]
    const mark = first === STANDARD_QUOTE || first === BACKTICK ? first : undefined
    const end = mark === undefined ? endOfPlain(name, at) : endOfQuoted(name, at, mark)
    const written = name.slice(at, end)
    const text = mark === undefined ? written.trim() : written.slice(1, -1).replaceAll(mark + mark, mark)
    const isBroken = mark === undefined && (text.includes(STANDARD_QUOTE) || text.includes(BACKTICK))
    if (text === '' || isBroken || (end < name.length && name[end] !== '.')) throw badName(name)
    parts.push(mark === undefined ? { text } : { text, mark })
    at = end + 1
  } while (at <= name.length)
  return parts
}

function endOfPlain(name: string, from: number): number {
  const dot = name.indexOf('.', from)
  return dot < 0 ? name.length : dot
}

/** Returns the offset after the closing quote; a doubled quote belongs to the name. */
function endOfQuoted(name: string, from: number, mark: string): number {
  for (let at = name.indexOf(mark, from + 1); at >= 0; at = name.indexOf(mark, at + 2))
    if (name[at + 1] !== mark) return at + 1
  throw badName(name)
}

function badName(name: string): GatewayError {
  return new GatewayError(
    'BAD_REQUEST',
    `The table name ${JSON.stringify(name.slice(0, 100))} must be names separated by dots, such as catalog.schema.table; a name that contains a dot stands in double quotes or backticks.`,
  )
}

/** @throws GatewayError BAD_REQUEST for an empty name, and one that the dialect cannot write */
function quoted(name: string, quote: string): string {
  const cannot = (why: string) =>
    new GatewayError(
      'BAD_REQUEST',
      `The name ${JSON.stringify(name.slice(0, 100))} ${why}: send the statement as query.`,
    )
  if (name === '') throw new GatewayError('BAD_REQUEST', 'A column name is empty.')
  if (name.includes('\0')) throw cannot('contains a NUL character')
  if (quote.trim() === '') {
    if (!plainName.test(name)) throw cannot('needs quotes, and the source has none')
    return name
  }
  // In dialects with other quotes, such as backticks, a backslash may escape the closing quote.
  if (quote !== STANDARD_QUOTE && name.includes('\\')) throw cannot('contains a backslash')
  return `${quote}${name.replaceAll(quote, quote + quote)}${quote}`
}
