import { LoopTurn } from '../../../async/loop-turn.ts'
import type { QueryResultsHead, RowResource } from './api.ts'
import { RestFailure } from './rest-failure.ts'

/** Bytes of rows that are parsed at once: a few milliseconds of work. */
const SLICE_BYTES = 128 << 10
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const rowsKey = Buffer.from('"rows"')

/**
 * An answer of `jobs.query` or `jobs.getQueryResults`. The rows stay bytes until they are read, and are then parsed slice by
 * slice: to parse a whole answer of 20 MB would block the event loop for a fifth of a second.
 */
export class QueryPage {
  readonly head: QueryResultsHead
  readonly #body: Buffer
  /** Ends of the slices of rows; each slice is a list of rows without its brackets. */
  readonly #slices: readonly (readonly [from: number, to: number])[]

  private constructor(head: QueryResultsHead, body: Buffer, slices: readonly (readonly [number, number])[]) {
    this.head = head
    this.#body = body
    this.#slices = slices
  }

  /** Reads an answer. @throws RestFailure if it is not JSON */
  static async of(body: Buffer): Promise<QueryPage> {
    const found = await rowsIn(body)
    const rest = found ? Buffer.concat([body.subarray(0, found.from), body.subarray(found.to)]) : body
    try {
      return new QueryPage(JSON.parse(rest.toString()) as QueryResultsHead, body, found?.slices ?? [])
    } catch {
      throw new RestFailure('the answer is not JSON', { status: 0 })
    }
  }

  get hasRows(): boolean {
    return this.#slices.length > 0
  }

  /** The rows, some at a time. */
  async *rows(): AsyncGenerator<readonly RowResource[], void, undefined> {
    const turn = new LoopTurn(1)
    for (const [from, to] of this.#slices) {
      await turn.next()
      yield JSON.parse(`[${this.#body.toString('utf8', from, to)}]`) as RowResource[]
    }
  }
}

interface RowsPart {
  /** Between the brackets of the list. */
  readonly from: number
  readonly to: number
  readonly slices: readonly (readonly [number, number])[]
}

/** Finds the list of the member `rows` of the answer itself, and cuts it between rows. */
async function rowsIn(body: Buffer): Promise<RowsPart | undefined> {
  const start = startOfRows(body)
  if (start === undefined) return undefined
  const turn = new LoopTurn(1)
  const slices: (readonly [number, number])[] = []
  let depth = 0
  let from = start
  for (let at = start, checkAt = start + SLICE_BYTES; at < body.length; at++) {
    const byte = body[at]!
    if (byte === QUOTE) at = endOfText(body, at)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE) depth--
    else if (byte === CLOSE_BRACKET) {
      if (depth === 0) {
        if (body.subarray(from, at).some((each) => each > 0x20)) slices.push([from, at])
        return { from: start, to: at, slices }
      }
      depth--
    } else if (byte === COMMA && depth === 0 && at - from >= SLICE_BYTES) {
      slices.push([from, at])
      from = at + 1
    }
    if (at >= checkAt) {
      checkAt = at + SLICE_BYTES
      await turn.next()
    }
  }
  throw new RestFailure('the answer is cut off', { status: 0 })
}

/** Index after the bracket that opens the list; undefined if the answer has none. */
function startOfRows(body: Buffer): number | undefined {
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
    else if (byte === QUOTE) {
      const end = endOfText(body, at)
      if (depth === 1 && body.subarray(at, end + 1).equals(rowsKey)) {
        const colon = skipSpace(body, end + 1)
        const open = skipSpace(body, colon + 1)
        if (body[colon] === COLON && body[open] === OPEN_BRACKET) return open + 1
      }
      at = end
    }
  }
  return undefined
}

/** Index of the quote that ends the text which begins at `from`; the end of the answer if it is cut off. */
function endOfText(body: Buffer, from: number): number {
  for (let at = from + 1; ; ) {
    const quote = body.indexOf(QUOTE, at)
    if (quote < 0) return body.length
    let escapes = 0
    while (body[quote - 1 - escapes] === BACKSLASH) escapes++
    if (escapes % 2 === 0) return quote
    at = quote + 1
  }
}

function skipSpace(body: Buffer, from: number): number {
  let at = from
  while (at < body.length && body[at]! <= 0x20) at++
  return at
}
