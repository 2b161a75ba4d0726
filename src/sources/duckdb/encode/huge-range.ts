import type { ColumnPart } from '../native/arrow-array-reader.ts'
import { DuckDbError } from '../native/c-api.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'

/** A decimal of 38 digits is below this. */
const LIMIT = 10n ** 38n
/** The limit in units of 2^96, rounded down: a value whose highest 32 bits are below it is below the limit. */
const LIMIT_HIGH_WORD = Number(LIMIT >> 96n)
const WORDS = 4
const bits = new Uint8Array(1)
const bitsAddress = addressOf(bits)

/**
 * Refuses 128-bit integers that do not fit a decimal of 38 digits: clients would show a wrong number or fail.
 * @param part the source of the integers; its null rows are skipped
 * @throws DuckDbError
 */
export function refuseBeyondDecimal(body: Uint8Array, byteOffset: number, part: ColumnPart, signed: boolean): void {
  const words = new Int32Array(body.buffer, body.byteOffset + byteOffset, WORDS * part.rows)
  for (let row = 0, high = WORDS - 1; row < part.rows; row++, high += WORDS) {
    const highest = words[high]!
    if (highest < LIMIT_HIGH_WORD && highest >= (signed ? -LIMIT_HIGH_WORD : 0)) continue
    const value = valueAt(words, high, signed)
    if (value < LIMIT && value > -LIMIT) continue
    if (isNull(part.buffer0, part.offset + row)) continue
    throw new DuckDbError(
      `Out of Range Error: ${signed ? 'HUGEINT' : 'UHUGEINT'} is sent as a decimal of 38 digits, and ${value} has more: cast it, as in x::VARCHAR or x::DOUBLE, or ask for lossless types (header x-flightgate-lossless-types: true).`,
    )
  }
}

function valueAt(words: Int32Array, high: number, signed: boolean): bigint {
  let value = 0n
  for (let i = 0; i < WORDS; i++) value = (value << 32n) | BigInt(words[high - i]! >>> 0)
  return signed ? BigInt.asIntN(128, value) : value
}

function isNull(validity: Address, row: number): boolean {
  if (validity === 0) return false
  memcpy(bitsAddress, validity + (row >> 3), 1)
  return ((bits[0]! >> (row & 7)) & 1) === 0
}
