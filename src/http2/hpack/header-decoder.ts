import { ErrorCode, Http2ProtocolError } from '../protocol.ts'
import { decodeHuffman } from './huffman.ts'
import { staticTable } from './static-table.ts'

/** Fields of a header block, names in lower case, as they came; `set-cookie` alone is a list, others that repeat are joined. */
export type HeaderFields = Record<string, string | string[] | undefined>

/** What is to be thought of a block: whether its fields are as HTTP wants them, and not too large together. */
export type HeaderValidity = 'good' | 'malformed' | 'too large'

interface Field {
  readonly name: string
  readonly value: string
  readonly hasGoodName: boolean
  readonly isGood: boolean
}

const knownFields: readonly Field[] = staticTable.map(([name, value]) => ({
  name,
  value,
  hasGoodName: true,
  isGood: true,
}))

/** A list is so large that it is not decoded to its end. */
export class HeaderListTooLarge extends Http2ProtocolError {
  constructor() {
    super(ErrorCode.enhanceYourCalm, 'a list of header fields is far too large')
  }
}

/** Size that every field counts beyond its own. Source: RFC 7541, section 4.1. */
const FIELD_OVERHEAD_BYTES = 32
const MAX_INTEGER_BYTES = 5
/** A list of so many times the allowed size is not decoded to its end. */
const DEFAULT_GIVE_UP_FACTOR = 2
/** Source: RFC 9113, section 8.2.1. */
const isName = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
const breaksLine = /[\0\r\n]/

/**
 * Decodes header blocks of one connection, each in turn: they build on one another.
 * Source: RFC 7541.
 */
export class HeaderDecoder {
  readonly #tableLimit: number
  readonly #maxListBytes: number
  readonly #giveUpBytes: number
  /** The newest stands last. */
  readonly #table: Field[] = []
  #tableBytes = 0
  #tableMax: number
  #block: Buffer = Buffer.alloc(0)
  #at = 0
  #verdict: HeaderValidity = 'good'
  #listBytes = 0

  /**
   * @param tableLimit size of the table that was offered, in bytes
   * @param maxListBytes size of all fields of a block together, overheads counted; a list above it is too large
   * @param giveUpBytes size at which decoding stops; by default twice as much
   */
  constructor(tableLimit: number, maxListBytes: number, giveUpBytes = DEFAULT_GIVE_UP_FACTOR * maxListBytes) {
    this.#tableLimit = tableLimit
    this.#tableMax = tableLimit
    this.#maxListBytes = maxListBytes
    this.#giveUpBytes = giveUpBytes
  }

  /** What is to be thought of the block that was decoded last. */
  get verdict(): HeaderValidity {
    return this.#verdict
  }

  /** Size of the block that was decoded last: all its fields, overheads counted. Source: RFC 7541, section 4.1. */
  get listBytes(): number {
    return this.#listBytes
  }

  /**
   * Decodes a whole block; of one that is too large, answers with the beginning.
   * @throws Http2ProtocolError when it cannot be decoded; HeaderListTooLarge when decoding stops at `giveUpBytes`. The connection is
   *   of no use then, since later blocks build on this one
   */
  decode(block: Buffer): HeaderFields {
    this.#block = block
    this.#at = 0
    this.#verdict = 'good'
    const fields = { __proto__: null } as unknown as HeaderFields
    this.#listBytes = 0
    let onlyPseudo = true
    let mayResize = true
    while (this.#at < block.length) {
      const field = this.#next(block[this.#at]!, mayResize)
      if (!field) continue
      mayResize = false
      this.#listBytes += sizeOf(field)
      if (this.#listBytes > this.#maxListBytes) this.#verdict = 'too large'
      if (this.#bytesLeft < 0) throw new HeaderListTooLarge()
      // What comes is decoded all the same, since later blocks build on it.
      if (this.#verdict === 'too large') continue
      const isPseudo = field.name.startsWith(':')
      if (!isPseudo) onlyPseudo = false
      if (!field.isGood || (isPseudo && (!onlyPseudo || fields[field.name] !== undefined))) this.#verdict = 'malformed'
      add(fields, field)
    }
    return fields
  }

  /** The field that begins with this byte; undefined where the table's size was set. */
  #next(byte: number, mayResize: boolean): Field | undefined {
    if (byte >= 0x80) return this.#field(this.#integer(7))
    if (byte >= 0x40) {
      const field = this.#literal(6)
      this.#remember(field)
      return field
    }
    if (byte < 0x20) return this.#literal(4)
    if (!mayResize) throw malformed('the table is resized in the middle of a block')
    const size = this.#integer(5)
    if (size > this.#tableLimit) throw malformed('the table is larger than was offered')
    this.#tableMax = size
    this.#evict()
    return undefined
  }

  /** What the list may still grow by before its decoding ends. */
  get #bytesLeft(): number {
    return this.#giveUpBytes - this.#listBytes
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits)
    const named = index === 0 ? undefined : this.#field(index)
    const name = named?.name ?? this.#string()
    const value = this.#string()
    const hasGoodName = named?.hasGoodName ?? isName.test(name)
    return { name, value, hasGoodName, isGood: hasGoodName && !breaksLine.test(value) }
  }

  #field(index: number): Field {
    const known = index - 1 < staticTable.length
    const field = known ? knownFields[index - 1] : this.#table[this.#table.length - (index - staticTable.length)]
    if (!field) throw malformed('there is no such field in the table')
    return field
  }

  /** Source: RFC 7541, section 5.1. */
  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1
    let value = this.#block[this.#at++]! & most
    if (value < most) return value
    for (let i = 0; i < MAX_INTEGER_BYTES; i++) {
      const byte = this.#block[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw malformed('a number does not end')
  }

  /** Source: RFC 7541, section 5.2. */
  #string(): string {
    const first = this.#block[this.#at]
    if (first === undefined) throw malformed('a field is cut short')
    const length = this.#integer(7)
    const from = this.#at
    this.#at += length
    if (this.#at > this.#block.length) throw malformed('a field is cut short')
    const maxBytes = this.#bytesLeft
    const text =
      first >= 0x80
        ? decodeHuffman(this.#block.subarray(from, this.#at), maxBytes)
        : length <= maxBytes
          ? this.#block.toString('latin1', from, this.#at)
          : undefined
    if (text === undefined) throw new HeaderListTooLarge()
    return text
  }

  #remember(field: Field): void {
    this.#table.push(field)
    this.#tableBytes += sizeOf(field)
    this.#evict()
  }

  #evict(): void {
    let gone = 0
    while (this.#tableBytes > this.#tableMax) this.#tableBytes -= sizeOf(this.#table[gone++]!)
    if (gone > 0) this.#table.splice(0, gone)
  }
}

function add(fields: HeaderFields, { name, value }: Field): void {
  const before = fields[name]
  if (Array.isArray(before)) before.push(value)
  else if (name === 'set-cookie') fields[name] = [value]
  else if (before === undefined) fields[name] = value
  else fields[name] = `${before as string}${name === 'cookie' ? '; ' : ', '}${value}`
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES
}

function malformed(why: string): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.compressionError, why)
}
