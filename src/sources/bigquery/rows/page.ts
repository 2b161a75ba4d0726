import { isUtf8 } from 'node:buffer'
import { LoopTurn } from '../../../async/loop-turn.ts'
import { GatewayError } from '../../../query/errors.ts'
import { BadValue } from './bad-value.ts'
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  JsonCursor,
  malformed,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from './json-cursor.ts'

const BACKSLASH = 92
/** Bytes that are passed over before the event loop may turn. */
const STEP_BYTES = 256 << 10

/** The `rows` of an answer as JSON: a list in the bytes `from` to `to`, which are empty if there is none. */
export interface RowsText {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

/** An answer with rows. */
export interface Page<Head> {
  /** All members of the answer but `rows`, parsed. */
  readonly head: Head
  readonly rows: RowsText
}

/**
 * Takes the rows out of an answer of `jobs.query`, `jobs.getQueryResults` or `tabledata.list`, without parsing them. The event
 * loop turns in between.
 * @throws GatewayError UPSTREAM_DATA
 */
export async function readPage<Head>(answer: Uint8Array): Promise<Page<Head>> {
  try {
    return await split<Head>(answer)
  } catch (cause) {
    if (!(cause instanceof BadValue || cause instanceof SyntaxError)) throw cause
    throw new GatewayError('UPSTREAM_DATA', 'BigQuery sent an answer that is not valid JSON.', { cause })
  }
}

async function split<Head>(answer: Uint8Array): Promise<Page<Head>> {
  if (!isUtf8(answer)) throw malformed()
  const cursor = new JsonCursor(answer)
  const members: string[] = []
  let rows: RowsText = { bytes: answer, from: 0, to: 0 }
  const textOf = (from: number, to: number) =>
    Buffer.from(answer.buffer, answer.byteOffset + from, to - from).toString()
  cursor.expect(OPEN_OBJECT)
  if (!cursor.take(CLOSE_OBJECT)) {
    do {
      if (cursor.peek() !== QUOTE) throw malformed()
      const from = cursor.at
      cursor.string()
      const isRows = Buffer.from(cursor.source.subarray(cursor.from, cursor.to)).toString() === 'rows'
      cursor.expect(COLON)
      const isList = cursor.peek() === OPEN_LIST
      const valueFrom = cursor.at
      await passValue(cursor)
      if (isRows && isList) rows = { bytes: answer, from: valueFrom, to: cursor.at }
      else if (!isRows) members.push(textOf(from, cursor.at))
    } while (cursor.take(COMMA))
    cursor.expect(CLOSE_OBJECT)
  }
  if (cursor.peek() !== 0) throw malformed()
  return { head: JSON.parse(`{${members.join(',')}}`) as Head, rows }
}

/** Passes over a value; of a list or an object only brackets and texts are looked at. */
async function passValue(cursor: JsonCursor): Promise<void> {
  const first = cursor.peek()
  if (first !== OPEN_LIST && first !== OPEN_OBJECT) {
    cursor.skip()
    return
  }
  const turn = new LoopTurn(1)
  for (let depth = 0; ; ) {
    const pause = turn.next()
    if (pause) await pause
    depth = passBytes(cursor, depth)
    if (depth === 0) return
    if (cursor.at >= cursor.end) throw malformed()
  }
}

/** Passes over some bytes of nested lists and objects, but over each text at once. @returns the depth behind them */
function passBytes(cursor: JsonCursor, from: number): number {
  const { bytes, end } = cursor
  const stop = Math.min(end, cursor.at + STEP_BYTES)
  let depth = from
  let i = cursor.at
  while (i < stop) {
    const byte = bytes[i++]!
    if (byte === QUOTE) {
      for (let inText = bytes[i++]; inText !== QUOTE; inText = bytes[i++]) {
        if (inText === BACKSLASH) i++
        else if (inText === undefined) throw malformed()
      }
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
    else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && --depth === 0) break
  }
  cursor.at = i
  return depth
}
