import { ArrowError } from './errors.ts'

const MAX_VECTOR_LENGTH = 1 << 20

/**
 * Reads a flatbuffer table field by field without decoding the rest. Every offset is checked against the buffer, so that
 * hostile bytes end in an ArrowError.
 * Source: https://flatbuffers.dev/internals/.
 */
export class FlatTable {
  readonly #view: DataView
  readonly #at: number
  readonly #vtable: number
  readonly #vtableBytes: number

  private constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
    this.#vtable = at - FlatTable.#read(view, at, 4, () => view.getInt32(at, true))
    this.#vtableBytes = FlatTable.#read(view, this.#vtable, 4, () => view.getUint16(this.#vtable, true))
  }

  /** The root table of a buffer. @throws ArrowError */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return new FlatTable(
      view,
      FlatTable.#read(view, 0, 4, () => view.getUint32(0, true)),
    )
  }

  uint8(slot: number, fallback = 0): number {
    return this.#scalar(slot, 1, fallback, (at) => this.#view.getUint8(at))
  }

  int16(slot: number, fallback = 0): number {
    return this.#scalar(slot, 2, fallback, (at) => this.#view.getInt16(at, true))
  }

  int32(slot: number, fallback = 0): number {
    return this.#scalar(slot, 4, fallback, (at) => this.#view.getInt32(at, true))
  }

  /** A 64-bit integer that must be a safe, non-negative number: a length, a count, an offset. */
  size(slot: number): number {
    return safeSize(this.#scalar(slot, 8, 0n, (at) => this.#view.getBigInt64(at, true)))
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#slot(slot, 4)
    return at === 0 ? undefined : new FlatTable(this.#view, at + this.#view.getUint32(at, true))
  }

  tables(slot: number): FlatTable[] {
    const { at, length } = this.#vector(slot, 4)
    return Array.from({ length }, (_, i) => {
      const element = at + 4 * i
      return new FlatTable(this.#view, element + this.#view.getUint32(element, true))
    })
  }

  text(slot: number): string {
    const { at, length } = this.#vector(slot, 1)
    return Buffer.from(this.#view.buffer as ArrayBuffer, this.#view.byteOffset + at, length).toString()
  }

  int32s(slot: number): number[] {
    const { at, length } = this.#vector(slot, 4)
    return Array.from({ length }, (_, i) => this.#view.getInt32(at + 4 * i, true))
  }

  /** A vector of structs of two 64-bit integers each (FieldNode, Buffer), flattened. */
  pairs(slot: number): number[] {
    const { at, length } = this.#vector(slot, 16)
    const out: number[] = []
    for (let i = 0; i < 2 * length; i++) out.push(safeSize(this.#view.getBigInt64(at + 8 * i, true)))
    return out
  }

  /** A vector of 64-bit sizes. */
  sizes(slot: number): number[] {
    const { at, length } = this.#vector(slot, 8)
    return Array.from({ length }, (_, i) => safeSize(this.#view.getBigInt64(at + 8 * i, true)))
  }

  #vector(slot: number, elementBytes: number): { at: number; length: number } {
    const at = this.#slot(slot, 4)
    if (at === 0) return { at: 0, length: 0 }
    const start = at + this.#view.getUint32(at, true)
    const length = FlatTable.#read(this.#view, start, 4, () => this.#view.getUint32(start, true))
    if (length > MAX_VECTOR_LENGTH && elementBytes > 1) throw malformed()
    FlatTable.#read(this.#view, start + 4, length * elementBytes, () => 0)
    return { at: start + 4, length }
  }

  #scalar<V extends number | bigint>(slot: number, bytes: number, fallback: V, read: (at: number) => V): V {
    const at = this.#slot(slot, bytes)
    return at === 0 ? fallback : read(at)
  }

  /** Position of a field, 0 when it is absent. */
  #slot(slot: number, bytes: number): number {
    const entry = 4 + 2 * slot
    if (entry + 2 > this.#vtableBytes) return 0
    const position = this.#vtable + entry
    const offset = FlatTable.#read(this.#view, position, 2, () => this.#view.getUint16(position, true))
    if (offset === 0) return 0
    return FlatTable.#read(this.#view, this.#at + offset, bytes, () => this.#at + offset)
  }

  static #read<V>(view: DataView, at: number, bytes: number, read: () => V): V {
    if (at < 0 || at + bytes > view.byteLength) throw malformed()
    return read()
  }
}

function safeSize(value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed()
  return Number(value)
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'The Arrow message is malformed.')
}
