import { MessageHeader } from './ipc/message-builder.ts'
import type { ColumnPart, CommonPart } from './schema-parts.ts'

const METADATA_V5 = 4
/** Offsets in the head of a message, and sizes of the field tables. */
const FIELD_VTABLE = 44
const DICTIONARY_FIELD_VTABLE = 64
const FIELDS = 84
const FIELD_BYTES = 24
const DICTIONARY_FIELD_BYTES = 28

/** Head of each message: the tables `Message` and `Schema`, and the vtables of fields with and without a dictionary. */
const head = Uint8Array.from(
  new Uint8Array(
    Uint16Array.of(
      // 0: offset of `Message`; 4: its vtable (version, header type, header); 16: the table
      ...[16, 0, ...[12, 12, 8, 10, 4, 0], ...[12, 0, 16, 0, METADATA_V5, MessageHeader.schema]],
      // 28: vtable of `Schema` (endianness, fields); 36: the table
      ...[...[8, 8, 0, 4], ...[8, 0, FIELDS - 40, 0]],
      // 44 and 64: vtables of `Field` (name, nullable, type number, type, dictionary, children, metadata)
      ...[18, FIELD_BYTES, 4, 20, 21, 8, 0, 12, 16, 0],
      ...[18, DICTIONARY_FIELD_BYTES, 4, 20, 21, 8, 24, 12, 16, 0],
    ).buffer,
  ),
)

/**
 * Assembles schema messages from encoded parts, column by column. It copies names as bytes, and each part once per message even
 * if many columns share it: a catalog of many tables has few types.
 * Source: https://flatbuffers.dev/internals/; https://github.com/apache/arrow/blob/main/format/Schema.fbs.
 */
export class SchemaAssembler {
  #parts: ColumnPart[] = []
  #nullable: boolean[] = []
  #names: Uint8Array = new Uint8Array(4096)
  #nameStarts: number[] = []
  #namesEnd = 0

  get columns(): number {
    return this.#parts.length
  }

  /** Adds a column. @param names UTF-8 buffer that holds the column's name in bytes `from` to `to` */
  add(part: ColumnPart, isNullable: boolean, names: Uint8Array, from: number, to: number): void {
    this.#parts.push(part)
    this.#nullable.push(isNullable)
    const at = this.#namesEnd
    const length = to - from
    this.#namesEnd = at + stringBytes(length)
    if (this.#namesEnd > this.#names.length) {
      const larger = new Uint8Array(2 * this.#namesEnd)
      larger.set(this.#names.subarray(0, at))
      this.#names = larger
    }
    this.#nameStarts.push(at)
    writeString(this.#names, at, names, from, length)
  }

  /** Returns the message of the added columns, as by `encodeSchema`, and removes them. @param open the open value of `common` */
  finish(common: CommonPart, open: Uint8Array): Uint8Array {
    const parts = this.#parts
    const count = parts.length
    let at = FIELDS + 4 + 4 * count
    const fieldsAt = at
    for (const part of parts) at += part.dictionaryAt === 0 ? FIELD_BYTES : DICTIONARY_FIELD_BYTES
    const namesAt = at
    const partsAt = (namesAt + this.#namesEnd + 7) & ~7
    // Each part is copied once; a part with dictionaries once per column, since the dictionary ids differ.
    const places: number[] = []
    const known = new Map<ColumnPart, number>()
    at = partsAt
    for (const part of parts) {
      const place = part.dictionaryIdsAt.length === 0 ? known.get(part) : undefined
      places.push(place ?? at)
      if (place !== undefined) continue
      known.set(part, at)
      at += part.bytes.length
    }
    const commonAt = at
    const openAt = commonAt + common.bytes.length
    const out = new Uint8Array(openAt + stringBytes(open.length))
    const words = new Int32Array(out.buffer)
    out.set(head)
    words[FIELDS >> 2] = count
    out.set(this.#names.subarray(0, this.#namesEnd), namesAt)
    out.set(common.bytes, commonAt)
    writeString(out, openAt, open, 0, open.length)
    let field = fieldsAt
    let nextPlace = partsAt
    let dictionaries = 0
    for (let i = 0; i < count; i++) {
      const part = parts[i]!
      const place = places[i]!
      const hasDictionary = part.dictionaryAt !== 0
      const slot = (FIELDS >> 2) + 1 + i
      words[slot] = field - (slot << 2)
      const word = field >> 2
      words[word] = field - (hasDictionary ? DICTIONARY_FIELD_VTABLE : FIELD_VTABLE)
      words[word + 1] = namesAt + this.#nameStarts[i]! - (field + 4)
      words[word + 2] = place + part.typeAt - (field + 8)
      words[word + 3] = place + part.childrenAt - (field + 12)
      words[word + 4] = place + part.metadataAt - (field + 16)
      out[field + 20] = this.#nullable[i] ? 1 : 0
      out[field + 21] = part.type
      if (hasDictionary) words[word + 6] = place + part.dictionaryAt - (field + 24)
      field += hasDictionary ? DICTIONARY_FIELD_BYTES : FIELD_BYTES
      if (place !== nextPlace) continue
      // The first column with this part: copy the part.
      nextPlace += part.bytes.length
      out.set(part.bytes, place)
      const { commonRefs } = part
      for (let j = 0; j < commonRefs.length; j += 2) {
        const from = place + commonRefs[j]!
        words[from >> 2] = commonAt + common.pairsAt[commonRefs[j + 1]!]! - from
      }
      for (const idAt of part.dictionaryIdsAt) words[(place + idAt) >> 2] = dictionaries++
    }
    this.#parts = []
    this.#nullable = []
    this.#nameStarts = []
    this.#namesEnd = 0
    return out
  }
}

/** Size of a string in a flatbuffer, in bytes: length, text, a zero byte, and padding to 4 bytes. */
function stringBytes(length: number): number {
  return (4 + length + 1 + 3) & ~3
}

function writeString(into: Uint8Array, at: number, text: Uint8Array, from: number, length: number): void {
  into[at] = length & 0xff
  into[at + 1] = (length >> 8) & 0xff
  into[at + 2] = (length >> 16) & 0xff
  into[at + 3] = length >>> 24
  const start = at + 4
  // A loop is faster than a view, since names are short.
  for (let i = 0; i < length; i++) into[start + i] = text[from + i]!
  for (let i = start + length; i < at + stringBytes(length); i++) into[i] = 0
}
