import { staticTable } from './static-table.ts'

const names = new Map<string, number>()
const whole = new Map<string, Map<string, number>>()
staticTable.forEach(([name, value], i) => {
  if (!names.has(name)) names.set(name, i + 1)
  const values = whole.get(name) ?? new Map<string, number>()
  whole.set(name, values.set(value, i + 1))
})
/** NUL, line breaks and characters outside Latin-1. */
const isUnfit = /[\0\r\n\u0100-\uffff]/
/** Bytes of two lengths and an index. */
const MAX_FIELD_OVERHEAD_BYTES = 15
/** Fields that proxies and the peer must not add to their tables. Source: RFC 7541, section 7.1.3. */
const secret = new Set(['authorization', 'cookie', 'auth-token-bin'])
const NEVER_INDEXED = 0x10

/**
 * Encodes fields without the dynamic table. A block then depends on no earlier one, so encoded parts can be cached and joined.
 * Pseudo-header fields must come first.
 * @throws TypeError for a value with NUL, line breaks or characters outside Latin-1
 * Source: RFC 7541, section 6.
 */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  let most = 0
  for (const [name, value] of fields) most += name.length + value.length + MAX_FIELD_OVERHEAD_BYTES
  const out = Buffer.allocUnsafe(most)
  let at = 0
  for (const [given, value] of fields) {
    const name = given.toLowerCase()
    if (isUnfit.test(value)) throw new TypeError(`the header ${name} has characters that headers must not have`)
    const index = value === '' ? undefined : whole.get(name)?.get(value)
    if (index !== undefined) {
      at = writeInteger(out, at, 7, 0x80, index)
      continue
    }
    const nameIndex = names.get(name)
    at = writeInteger(out, at, 4, secret.has(name) ? NEVER_INDEXED : 0, nameIndex ?? 0)
    if (nameIndex === undefined) at = writeText(out, at, name)
    at = writeText(out, at, value)
  }
  return out.subarray(0, at)
}

/** Table size update to 0: this side uses no dynamic table. Source: RFC 7541, section 6.3. */
export const noTable = Buffer.of(0x20)

function writeInteger(out: Buffer, from: number, prefixBits: number, pattern: number, value: number): number {
  const most = 2 ** prefixBits - 1
  let at = from
  if (value < most) {
    out[at++] = pattern | value
    return at
  }
  out[at++] = pattern | most
  let rest = value - most
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80
  out[at++] = rest
  return at
}

function writeText(out: Buffer, from: number, value: string): number {
  const at = writeInteger(out, from, 7, 0, value.length)
  return at + out.write(value, at, 'latin1')
}
