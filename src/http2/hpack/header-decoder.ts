import { ErrorCode, Http2ProtocolError } from '../protocol.ts'
import { decodeHuffman } from './huffman.ts'
import { staticTable } from './static-table.ts'

/** Fields of a header block, by lower-case name. Repeated fields are joined; only `set-cookie` is a list. */
export type HeaderFields = Record<string, string | string[] | undefined>

/** Whether a block's fields are valid and its size is within the limit. */
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

/** The decoder stopped: the header list exceeds the limit by far. */
export class HeaderListTooLarge extends Http2ProtocolError {
  constructor() {
    super(ErrorCode.enhanceYourCalm, 'the header list is far too large')
  }
}

const noBlock: Buffer = Buffer.alloc(0)
/** Overhead of each field, in bytes. Source: RFC 7541, section 4.1. */
const FIELD_OVERHEAD_BYTES = 32
const MAX_INTEGER_BYTES = 5
/** The decoder stops at this multiple of the allowed size by default. */
const DEFAULT_GIVE_UP_FACTOR = 2
/** Valid field names. Source: RFC 9113, section 8.2.1. */
const isName = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
const breaksLine = /[\0\r\n]/

/**
 * Decodes the header blocks of one connection in order, since they share the HPACK dynamic table.
 * Source: RFC 7541.
 */
export class HeaderDecoder {
  readonly #tableLimit: number
  readonly #maxListBytes: number
  readonly #giveUpBytes: number
  /** Dynamic table, newest entry last. */
  readonly #table: Field[] = []
  #tableBytes = 0
  #tableMax: number
  /** The block at work. Between two blocks there is none: it would keep the buffer in memory into which it was read. */
  #block = noBlock
  #at = 0
  #verdict: HeaderValidity = 'good'
  #listBytes = 0

  /**
   * @param tableLimit announced size of the dynamic table, in bytes
   * @param maxListBytes limit of a header list with overheads, in bytes; a larger one is 'too large'
   * @param giveUpBytes size at which decoding stops; by default twice `maxListBytes`
   */
  constructor(tableLimit: number, maxListBytes: number, giveUpBytes = DEFAULT_GIVE_UP_FACTOR * maxListBytes) {
    this.#tableLimit = tableLimit
    this.#tableMax = tableLimit
    this.#maxListBytes = maxListBytes
    this.#giveUpBytes = giveUpBytes
  }

  /** Verdict on the last block. */
  get verdict(): HeaderValidity {
    return this.#verdict
  }

  /** Header list size of the last block, in bytes. Source: RFC 7541, section 4.1. */
  get listBytes(): number {
    return this.#listBytes
  }

  /**
   * Decodes a whole block. @returns its fields; if it is too large, only the first ones
   * @throws Http2ProtocolError when it cannot be decoded; HeaderListTooLarge when decoding stops at `giveUpBytes`. Both are
   *   connection errors, since later blocks depend on this one
   */
  decode(block: Buffer): HeaderFields {
    this.#block = block
    try {
      return this.#fields(block.length)
    } finally {
      this.#block = noBlock
    }
  }

  #fields(length: number): HeaderFields {
    this.#at = 0
    this.#verdict = 'good'
    const fields = { __proto__: null } as unknown as HeaderFields
    this.#listBytes = 0
    let onlyPseudo = true
    let mayResize = true
    while (this.#at < length) {
      const field = this.#next(this.#block[this.#at]!, mayResize)
      if (!field) continue
      mayResize = false
      this.#listBytes += sizeOf(field)
      if (this.#listBytes > this.#maxListBytes) this.#verdict = 'too large'
      if (this.#bytesLeft < 0) throw new HeaderListTooLarge()
      // Decode the rest all the same: later blocks refer to the table that it fills.
      if (this.#verdict === 'too large') continue
      const isPseudo = field.name.startsWith(':')
      if (!isPseudo) onlyPseudo = false
      if (!field.isGood || (isPseudo && (!onlyPseudo || fields[field.name] !== undefined))) this.#verdict = 'malformed'
      add(fields, field)
    }
    return fields
  }

  /** Decodes the representation that starts with this byte; undefined for a table size update. */
  #next(byte: number, mayResize: boolean): Field | undefined {
    if (byte >= 0x80) return this.#field(this.#integer(7))
    if (byte >= 0x40) {
      const field = this.#literal(6)
      this.#remember(field)
      return field
    }
    if (byte < 0x20) return this.#literal(4)
    if (!mayResize) throw malformed('a table size update follows a field')
    const size = this.#integer(5)
    if (size > this.#tableLimit) throw malformed('a table size update exceeds the announced size')
    this.#tableMax = size
    this.#evict()
    return undefined
  }

  /** Bytes that the list may still grow by before decoding stops. */
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
    if (!field) throw malformed('a field index is outside the table')
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
    throw malformed('an integer is too long or truncated')
  }

  /** Source: RFC 7541, section 5.2. */
  #string(): string {
    const first = this.#block[this.#at]
    if (first === undefined) throw malformed('a field is truncated')
    const length = this.#integer(7)
    const from = this.#at
    this.#at += length
    if (this.#at > this.#block.length) throw malformed('a field is truncated')
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
