import type { Field } from '../../../arrow/schema.ts'
import { type Address, addressOf, memcpy, readCString, readWord, releaseStruct } from './library.ts'

/*
 * The structs of the Arrow C data interface, read from native memory.
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html#structure-definitions.
 */

export const ARROW_ARRAY_BYTES = 80
const ARRAY_RELEASE_OFFSET = 64
const SCHEMA_RELEASE_OFFSET = 56
const FLAG_ORDERED = 1
const FLAG_NULLABLE = 2
const MAX_BUFFERS = 3

/** Reads an ArrowSchema with its children and dictionaries. */
export function readArrowSchema(at: Address): Field {
  const slot = (i: number) => readWord(at + 8 * i)
  const flags = slot(3)
  const childCount = slot(4)
  const childList = slot(5)
  const dictionary = slot(6)
  const children: Field[] = []
  for (let i = 0; i < childCount; i++) children.push(readArrowSchema(readWord(childList + 8 * i)))
  return {
    format: readCString(slot(0)),
    name: readCString(slot(1)),
    metadata: readMetadata(slot(2)),
    nullable: (flags & FLAG_NULLABLE) !== 0,
    children,
    ...(dictionary !== 0 && { dictionary: readArrowSchema(dictionary), ordered: (flags & FLAG_ORDERED) !== 0 }),
  }
}

export function releaseArrowSchema(at: Address): void {
  releaseStruct(at, SCHEMA_RELEASE_OFFSET)
}

export function releaseArrowArray(at: Address): void {
  releaseStruct(at, ARRAY_RELEASE_OFFSET)
}

function readMetadata(at: Address): [string, string][] {
  if (at === 0) return []
  let position = at
  const int = () => {
    const value = new Int32Array(1)
    memcpy(addressOf(value), position, 4)
    position += 4
    return value[0]!
  }
  const text = () => {
    const bytes = Buffer.alloc(int())
    if (bytes.length > 0) memcpy(addressOf(bytes), position, bytes.length)
    position += bytes.length
    return bytes.toString()
  }
  const pairs: [string, string][] = []
  for (let left = int(); left > 0; left--) pairs.push([text(), text()])
  return pairs
}

/** One column of one chunk, or a slice of it. */
export interface ColumnPart {
  readonly rows: number
  /** First row within the buffers. */
  readonly offset: number
  /** -1 when unknown. */
  readonly nulls: number
  /** Address of the validity bitmap; 0 when no row is null. For a union, which has none, the address of the type ids. */
  readonly buffer0: Address
  readonly buffer1: Address
  readonly buffer2: Address
  /** Address of the array of child pointers. */
  readonly children: Address
  readonly childCount: number
  readonly dictionary: Address
}

const structWords = new Uint32Array(ARROW_ARRAY_BYTES / 4)
const structAddress = addressOf(structWords)
const bufferWords = new Uint32Array(2 * MAX_BUFFERS)
const bufferAddress = addressOf(bufferWords)

const at64 = (words: Uint32Array, i: number): number => words[2 * i + 1]! * 4_294_967_296 + words[2 * i]!

/** Reads an ArrowArray. */
export function readArrowArray(at: Address): ColumnPart {
  memcpy(structAddress, at, ARROW_ARRAY_BYTES)
  return partOf(structWords, 0)
}

function partOf(words: Uint32Array, from: number): ColumnPart {
  const field = (i: number) => at64(words, from + i)
  const bufferCount = Math.min(field(3), MAX_BUFFERS)
  if (bufferCount > 0) memcpy(bufferAddress, field(5), 8 * bufferCount)
  return {
    rows: field(0),
    nulls: words[2 * (from + 1) + 1] === 0xffffffff ? -1 : field(1),
    offset: field(2),
    buffer0: bufferCount > 0 ? at64(bufferWords, 0) : 0,
    buffer1: bufferCount > 1 ? at64(bufferWords, 1) : 0,
    buffer2: bufferCount > 2 ? at64(bufferWords, 2) : 0,
    childCount: field(4),
    children: field(6),
    dictionary: field(7),
  }
}

let childPointers = new Uint32Array(64)
let childStructs = new Uint32Array((ARROW_ARRAY_BYTES / 4) * 32)

/** Reads all children of an ArrowArray. DuckDB lays them out side by side, so one copy reads them all. */
export function readChildren(part: ColumnPart): ColumnPart[] {
  const count = part.childCount
  if (count === 0) return []
  if (childPointers.length < 2 * count) {
    childPointers = new Uint32Array(2 * count)
    childStructs = new Uint32Array((ARROW_ARRAY_BYTES / 4) * count)
  }
  memcpy(addressOf(childPointers), part.children, 8 * count)
  const first = at64(childPointers, 0)
  for (let i = 1; i < count; i++)
    if (at64(childPointers, i) !== first + i * ARROW_ARRAY_BYTES)
      return Array.from({ length: count }, (_, n) => readArrowArray(readWord(part.children + 8 * n)))
  memcpy(addressOf(childStructs), first, ARROW_ARRAY_BYTES * count)
  const out: ColumnPart[] = []
  for (let i = 0; i < count; i++) out.push(partOf(childStructs, (i * ARROW_ARRAY_BYTES) / 8))
  return out
}
