import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

const DIGITS = 16
/** Characters hashed without a break: about 2 ms. */
const PART_CHARACTERS = 1 << 20

/** Returns the first 64 bits of the SHA-256 of a text's UTF-8, in hex. While hashing a long text, yields to the event loop. */
export function statementHash(text: string): string | Promise<string> {
  if (text.length > PART_CHARACTERS) return hashInParts(text)
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS)
}

async function hashInParts(text: string): Promise<string> {
  const hash = createHash('sha256')
  for (let from = 0; from < text.length; ) {
    await setImmediate()
    let end = Math.min(text.length, from + PART_CHARACTERS)
    // Do not split a surrogate pair.
    if (end < text.length && isFirstHalf(text.charCodeAt(end - 1))) end--
    hash.update(text.slice(from, end))
    from = end
  }
  return hash.digest('hex').slice(0, DIGITS)
}

function isFirstHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
