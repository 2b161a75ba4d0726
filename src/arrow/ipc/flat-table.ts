import { ArrowError } from '../errors.ts'

const MAX_VECTOR_LENGTH = 1 << 20
/** Minimum size of a table that a vector refers to, in bytes. */
const MIN_TABLE_BYTES = 8
/** Vectors and strings together may read this multiple of the buffer's size, since writers may share strings and tables. */
const SHARING = 4
const MIN_BUDGET_BYTES = 1 << 16

/** A buffer with its remaining read budget. */
interface Source {
  readonly view: DataView
  /** The same bytes, created when the first string is read. */
  bytes?: Buffer
  budgetBytes: number
}

/**
 * Reads fields of a flatbuffer table without decoding the rest. It checks every offset against the buffer, so that hostile bytes
 * cause an ArrowError. A read budget proportional to the buffer's size bounds all its vectors and strings: offsets may refer to
 * the same bytes repeatedly, so a few of them could describe an endless number of tables.
 * Source: https://flatbuffers.dev/internals/.
 */
export class FlatTable {
  readonly #source: Source
  readonly #view: DataView
  readonly #at: number
  readonly #vtable: number
  readonly #vtableBytes: number

  private constructor(source: Source, at: number) {
    const { view } = source
    this.#source = source
    this.#view = view
    this.#at = at
    check(view, at, 4)
    this.#vtable = at - view.getInt32(at, true)
    check(view, this.#vtable, 4)
    this.#vtableBytes = view.getUint16(this.#vtable, true)
  }

  /** The root table of a buffer. @throws ArrowError */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    check(view, 0, 4)
    const budgetBytes = Math.max(MIN_BUDGET_BYTES, SHARING * bytes.byteLength)
    return new FlatTable({ view, budgetBytes }, view.getUint32(0, true))
  }

  uint8(slot: number, fallback = 0): number {
    const at = this.#slot(slot, 1)
    return at === 0 ? fallback : this.#view.getUint8(at)
  }

  int16(slot: number, fallback = 0): number {
    const at = this.#slot(slot, 2)
    return at === 0 ? fallback : this.#view.getInt16(at, true)
  }

  int32(slot: number, fallback = 0): number {
    const at = this.#slot(slot, 4)
    return at === 0 ? fallback : this.#view.getInt32(at, true)
  }

  /** Reads a 64-bit length, count or offset. @throws ArrowError if it is negative or not a safe integer */
  size(slot: number): number {
    const at = this.#slot(slot, 8)
    return at === 0 ? 0 : readSize(this.#view, at)
  }

  /** Returns where in the buffer the value of a field of `bytes` bytes is; undefined if the field is absent. @throws ArrowError */
  positionOf(slot: number, bytes: number): number | undefined {
    return this.#slot(slot, bytes) || undefined
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#slot(slot, 4)
    return at === 0 ? undefined : new FlatTable(this.#source, at + this.#view.getUint32(at, true))
  }

  tables(slot: number): FlatTable[] {
    const { at, length } = this.#vector(slot, 4, MIN_TABLE_BYTES)
    const out: FlatTable[] = []
    for (let element = at; element < at + 4 * length; element += 4)
      out.push(new FlatTable(this.#source, element + this.#view.getUint32(element, true)))
    return out
  }

  /** Number of elements of a vector of tables. */
  countOf(slot: number): number {
    return this.#vector(slot, 4).length
  }

  text(slot: number): string {
    const { at, length } = this.#vector(slot, 1)
    if (length === 0) return ''
    const { buffer, byteOffset, byteLength } = this.#view
    this.#source.bytes ??= Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
    return this.#source.bytes.toString('utf8', at, at + length)
  }

  int32s(slot: number): number[] {
    const { at, length } = this.#vector(slot, 4)
    return Array.from({ length }, (_, i) => this.#view.getInt32(at + 4 * i, true))
  }

  /** Reads a vector of structs of two 64-bit integers (FieldNode, Buffer), flattened. */
  pairs(slot: number): number[] {
    const { at, length } = this.#vector(slot, 16)
    const out: number[] = []
    for (let i = 0; i < 2 * length; i++) out.push(readSize(this.#view, at + 8 * i))
    return out
  }

  /** Reads a vector of 64-bit sizes. */
  sizes(slot: number): number[] {
    const { at, length } = this.#vector(slot, 8)
    return Array.from({ length }, (_, i) => readSize(this.#view, at + 8 * i))
  }

  /** @param costBytes budget per element, in bytes */
  #vector(slot: number, elementBytes: number, costBytes = elementBytes): { at: number; length: number } {
    const at = this.#slot(slot, 4)
    if (at === 0) return { at: 0, length: 0 }
    const start = at + this.#view.getUint32(at, true)
    check(this.#view, start, 4)
    const length = this.#view.getUint32(start, true)
    if (length > MAX_VECTOR_LENGTH && elementBytes > 1) throw malformed()
    check(this.#view, start + 4, length * elementBytes)
    this.#source.budgetBytes -= length * costBytes
    if (this.#source.budgetBytes < 0) throw malformed()
    return { at: start + 4, length }
  }

  /** Offset of a field; 0 if it is absent. */
  #slot(slot: number, bytes: number): number {
    const entry = 4 + 2 * slot
    if (entry + 2 > this.#vtableBytes) return 0
    const position = this.#vtable + entry
    check(this.#view, position, 2)
    const offset = this.#view.getUint16(position, true)
    if (offset === 0) return 0
    check(this.#view, this.#at + offset, bytes)
    return this.#at + offset
  }
}

function check(view: DataView, at: number, bytes: number): void {
  if (at < 0 || at + bytes > view.byteLength) throw malformed()
}

function readSize(view: DataView, at: number): number {
  const high = view.getInt32(at + 4, true)
  const value = high * 2 ** 32 + view.getUint32(at, true)
  if (high < 0 || value > Number.MAX_SAFE_INTEGER) throw malformed()
  return value
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'The Arrow message is malformed.')
}
