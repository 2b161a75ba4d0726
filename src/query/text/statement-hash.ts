import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

const DIGITS = 16
/** Hashing so much takes about two milliseconds. */
const PART_CHARACTERS = 1 << 20

/** The first 64 bits of a text's SHA-256 (of its UTF-8) in hex; long texts are hashed in parts, between which the event loop goes on. */
export function statementHash(text: string): string | Promise<string> {
  if (text.length > PART_CHARACTERS) return hashInParts(text)
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS)
}

async function hashInParts(text: string): Promise<string> {
  const hash = createHash('sha256')
  for (let from = 0; from < text.length; ) {
    await setImmediate()
    let end = Math.min(text.length, from + PART_CHARACTERS)
    // The halves of a character stay together.
    if (end < text.length && isFirstHalf(text.charCodeAt(end - 1))) end--
    hash.update(text.slice(from, end))
    from = end
  }
  return hash.digest('hex').slice(0, DIGITS)
}

function isFirstHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
