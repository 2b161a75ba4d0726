import { BadValue } from '../bad-value.ts'

const EQUALS = 61
const NONE = 255
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const sixBits = new Uint8Array(256).fill(NONE)
for (const [value, letter] of [...alphabet].entries()) sixBits[letter.charCodeAt(0)] = value

/** The most bytes that base64 text of this length stands for. */
export const maxDecodedBytes = (length: number) => Math.ceil(length / 4) * 3

/**
 * Decodes base64 (RFC 4648, section 4), with or without padding.
 * @param out must have room for `maxDecodedBytes`
 * @returns the position after the decoded bytes
 * @throws BadValue
 */
export function decodeBase64(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let end = to
  if ((to - from) % 4 === 0) {
    if (end > from && bytes[end - 1] === EQUALS) end--
    if (end > from && bytes[end - 1] === EQUALS) end--
  }
  let i = from
  let next = at
  for (; i + 3 < end; i += 4) {
    const a = sixBits[bytes[i]!]!
    const b = sixBits[bytes[i + 1]!]!
    const c = sixBits[bytes[i + 2]!]!
    const d = sixBits[bytes[i + 3]!]!
    if ((a | b | c | d) > 63) throw notBase64()
    out[next++] = (a << 2) | (b >> 4)
    out[next++] = (b << 4) | (c >> 2)
    out[next++] = (c << 6) | d
  }
  if (i === end) return next
  const a = sixBits[bytes[i]!]!
  const b = i + 1 < end ? sixBits[bytes[i + 1]!]! : NONE
  const c = i + 2 < end ? sixBits[bytes[i + 2]!]! : 0
  if ((a | b | c) > 63) throw notBase64()
  out[next++] = (a << 2) | (b >> 4)
  if (i + 2 < end) out[next++] = (b << 4) | (c >> 2)
  return next
}

function notBase64(): BadValue {
  return new BadValue('is not base64')
}
