import { BadValue } from './bad-value.ts'
import { asciiText } from './values/ascii-text.ts'

export const QUOTE = 34
export const COMMA = 44
export const COLON = 58
export const OPEN_LIST = 91
export const CLOSE_LIST = 93
export const OPEN_OBJECT = 123
export const CLOSE_OBJECT = 125
const BACKSLASH = 92
const FIRST_PRINTABLE = 32
const LOWER_U = 117
const MAX_DEPTH = 200

/** What a letter after a backslash stands for; 0 if it stands for nothing. */
const escapes = new Uint8Array(256)
for (const [letter, meaning] of Object.entries({
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}))
  escapes[letter.charCodeAt(0)] = meaning.charCodeAt(0)

/** Bytes that may stand between tokens. */
const spaces = new Uint8Array(256)
for (const space of ' \t\n\r') spaces[space.charCodeAt(0)] = 1
const literalText = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/
/** Bytes of numbers and of `true`, `false` and `null`. */
const literals = new Uint8Array(256)
for (const letter of '+-.0123456789Eeaflnrstu') literals[letter.charCodeAt(0)] = 1

/**
 * Reads JSON from bytes, token by token, without making strings or objects. The bytes must be valid UTF-8.
 * Source: RFC 8259.
 */
export class JsonCursor {
  readonly bytes: Uint8Array
  readonly end: number
  /** Position of the next byte. */
  at: number
  /** The bytes of the text that was read last, `from` to `to`: a view of the input, or a copy without its escapes. */
  source: Uint8Array
  from = 0
  to = 0
  #unescaped = new Uint8Array(0)

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.bytes = bytes
    this.source = bytes
    this.at = from
    this.end = end
  }

  /** Skips white space. @returns the next byte, which is not consumed; 0 at the end */
  peek(): number {
    const { bytes, end } = this
    let { at } = this
    while (at < end && spaces[bytes[at]!] === 1) at++
    this.at = at
    return at < end ? bytes[at]! : 0
  }

  /** Consumes a byte, after white space. @throws BadValue if another byte is there */
  expect(byte: number): void {
    if (this.peek() !== byte) throw malformed()
    this.at++
  }

  /** Consumes a byte if it is next, after white space. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.at++
    return true
  }

  /** Reads a string into `source`, `from` and `to`. The next byte is its quote. @throws BadValue */
  string(): void {
    const { bytes, end } = this
    let i = this.at + 1
    this.from = i
    while (i < end) {
      const byte = bytes[i]!
      if (byte === QUOTE) {
        this.source = bytes
        this.to = i
        this.at = i + 1
        return
      }
      if (byte === BACKSLASH) {
        this.#escaped(i)
        return
      }
      if (byte < FIRST_PRINTABLE) throw malformed()
      i++
    }
    throw malformed()
  }

  /** Reads a number, `true`, `false` or `null` into `source`, `from` and `to`. @throws BadValue */
  literal(): void {
    const { bytes, end } = this
    let { at } = this
    this.source = bytes
    this.from = at
    while (at < end && literals[bytes[at]!] === 1) at++
    if (!literalText.test(asciiText(bytes, this.from, at))) throw malformed()
    this.to = at
    this.at = at
  }

  /** Consumes `null` if it is next. The next byte is not white space. */
  takeNull(): boolean {
    const { bytes, at } = this
    if (bytes[at] !== 110 || bytes[at + 1] !== 117 || bytes[at + 2] !== 108 || bytes[at + 3] !== 108) return false
    this.at = at + 4
    return true
  }

  /** Skips a value of any kind. @throws BadValue */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw malformed()
    switch (this.peek()) {
      case QUOTE:
        this.string()
        break
      case OPEN_LIST:
        this.at++
        if (this.take(CLOSE_LIST)) break
        do this.skip(depth + 1)
        while (this.take(COMMA))
        this.expect(CLOSE_LIST)
        break
      case OPEN_OBJECT:
        this.at++
        if (this.take(CLOSE_OBJECT)) break
        do {
          this.key()
          this.skip(depth + 1)
        } while (this.take(COMMA))
        this.expect(CLOSE_OBJECT)
        break
      default:
        this.literal()
    }
  }

  /** Reads the name of a member and its colon. @throws BadValue */
  key(): void {
    if (this.peek() !== QUOTE) throw malformed()
    this.string()
    this.expect(COLON)
  }

  /** Whether the text that was read last is this ASCII letter. */
  isLetter(letter: number): boolean {
    return this.to - this.from === 1 && this.source[this.from] === letter
  }

  /** Reads the rest of a string with escapes. @param first position of its first backslash */
  #escaped(first: number): void {
    const { bytes, end, from } = this
    let end0 = first
    // Find the end first, to bound the copy: an escape never makes a text longer.
    while (end0 < end && bytes[end0] !== QUOTE) end0 += bytes[end0] === BACKSLASH ? 2 : 1
    if (end0 >= end) throw malformed()
    if (this.#unescaped.length < end0 - from) this.#unescaped = new Uint8Array(2 * (end0 - from))
    const out = this.#unescaped
    out.set(bytes.subarray(from, first))
    let to = first - from
    let i = first
    while (i < end0) {
      const byte = bytes[i++]!
      if (byte !== BACKSLASH) {
        if (byte < FIRST_PRINTABLE) throw malformed()
        out[to++] = byte
        continue
      }
      const letter = bytes[i++]!
      const meaning = escapes[letter]!
      if (meaning !== 0) {
        out[to++] = meaning
        continue
      }
      if (letter !== LOWER_U) throw malformed()
      let code = hex4(bytes, i, end0)
      i += 4
      if (code >= 0xd800 && code < 0xdc00 && bytes[i] === BACKSLASH && bytes[i + 1] === LOWER_U) {
        const low = hex4(bytes, i + 2, end0)
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
          i += 6
        }
      }
      to = writeUtf8(out, to, code)
    }
    this.source = out
    this.from = 0
    this.to = to
    this.at = end0 + 1
  }
}

function hex4(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) throw malformed()
  let value = 0
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i]!
    const lower = byte | 32
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : lower >= 97 && lower <= 102 ? lower - 87 : -1
    if (digit < 0) throw malformed()
    value = value * 16 + digit
  }
  return value
}

/** Writes a code point. Half of a surrogate pair, which UTF-8 cannot express, becomes U+FFFD. */
function writeUtf8(out: Uint8Array, at: number, codePoint: number): number {
  const code = codePoint >= 0xd800 && codePoint < 0xe000 ? 0xfffd : codePoint
  let to = at
  if (code < 0x80) {
    out[to++] = code
    return to
  }
  if (code < 0x800) out[to++] = 0xc0 | (code >> 6)
  else {
    if (code < 0x10000) out[to++] = 0xe0 | (code >> 12)
    else {
      out[to++] = 0xf0 | (code >> 18)
      out[to++] = 0x80 | ((code >> 12) & 63)
    }
    out[to++] = 0x80 | ((code >> 6) & 63)
  }
  out[to++] = 0x80 | (code & 63)
  return to
}

export function malformed(): BadValue {
  return new BadValue('the JSON of the rows is malformed')
}
