import { LoopTurn } from '../../../async/loop-turn.ts'
import { GatewayError } from '../../../query/errors.ts'

/** Objects and arrays within each other. */
const MAX_LEVELS = 64
/** Fields of all objects of a body. */
const MAX_FIELDS = 20_000
/** Values of all lists and objects of a body: each is compared with the schema of the route, for about 0.5 µs. */
const MAX_VALUES = 40_000

const BYTES_A_TURN = 16_384
const [QUOTE, COLON, COMMA, OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('":,[\\]{}')

/**
 * Refuses a body in JSON that takes long to parse: `JSON.parse` cannot be interrupted, and 1 MiB of brackets or of field names
 * that all differ would hold up the event loop for 100 ms, and so does the check of 1 MiB of short values. Reads a long body in turns, between which other calls continue. The
 * body need not be valid JSON.
 * @throws GatewayError BAD_REQUEST for more than 64 levels, TOO_LARGE for more than 20,000 fields or 40,000 values
 */
export async function checkJsonShape(bytes: Uint8Array): Promise<void> {
  const turn = new LoopTurn(1)
  let levels = 0
  let fields = 0
  let commas = 0
  let isInString = false
  let at = 0
  while (at < bytes.byteLength) {
    const pause = turn.next()
    if (pause) await pause
    const end = Math.min(at + BYTES_A_TURN, bytes.byteLength)
    for (; at < end; at++) {
      const byte = bytes[at]
      if (byte === QUOTE) isInString = !isInString
      else if (isInString) at += byte === BACKSLASH ? 1 : 0
      else if (byte === COLON) fields++
      else if (byte === COMMA) commas++
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (++levels > MAX_LEVELS)
          throw new GatewayError('BAD_REQUEST', `The body has more than ${MAX_LEVELS} levels of objects and arrays.`)
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) levels--
    }
    if (commas >= MAX_VALUES)
      throw new GatewayError(
        'TOO_LARGE',
        `The body has more than ${MAX_VALUES} values: send fewer statements, or parameters as {"arrow": ...}.`,
      )
    if (fields > MAX_FIELDS) throw new GatewayError('TOO_LARGE', `The body has more than ${MAX_FIELDS} fields.`)
  }
}
