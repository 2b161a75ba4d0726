import { Builder } from 'flatbuffers'
import { table } from './ipc/message-builder.ts'
import { type Field, writeFieldType } from './schema.ts'

/** A key and a value of metadata. */
export type Pair = readonly [key: string, value: string]

/**
 * A part of schema messages that is encoded once and copied into each: flatbuffers refer to each other by distances, so that
 * bytes may stand anywhere. Positions count from the part's first byte; its length is a multiple of 8.
 */
interface Part {
  readonly bytes: Uint8Array
}

/** All of a column but its name and whether it may be null. */
export interface ColumnPart extends Part {
  readonly type: number
  readonly typeAt: number
  readonly childrenAt: number
  readonly metadataAt: number
  /** 0 for none. */
  readonly dictionaryAt: number
  /** Where 64-bit dictionary numbers stand, in schema order. */
  readonly dictionaryIdsAt: readonly number[]
  /** Where pairs of the `CommonPart` are referred to, and which: position and index in turn. */
  readonly commonRefs: Int32Array
}

/** Pairs of metadata that columns of a message have in common; the value of the first is the last of the message. */
export interface CommonPart extends Part {
  readonly pairsAt: readonly number[]
}

/**
 * Encodes a column.
 * @param metadata in order: pairs, and indices of pairs of the message's `CommonPart`; those of `field` are not looked at
 * @throws ArrowError UNSUPPORTED
 */
export function encodeColumnPart(field: Field, metadata: readonly (Pair | number)[]): ColumnPart {
  const builder = new Builder(512)
  const idOffsets: number[] = []
  // A number of 0 would be left out.
  const written = writeFieldType(builder, field, { next: 1, onWritten: (offset) => idOffsets.push(offset) })
  const items = metadata.map((item) => (typeof item === 'number' ? item : { pair: writePair(builder, ...item) }))
  const refOffsets: [offset: number, index: number][] = []
  builder.startVector(4, items.length, 4)
  for (const item of items.toReversed())
    if (typeof item === 'number') {
      builder.addInt32(0)
      refOffsets.push([builder.offset(), item])
    } else builder.addOffset(item.pair)
  const metadataOffset = builder.endVector()
  const bytes = bytesOf(builder)
  const at = (offset: number) => bytes.length - offset
  return {
    bytes,
    type: written.type,
    typeAt: at(written.typeTable),
    childrenAt: at(written.children),
    metadataAt: at(metadataOffset),
    dictionaryAt: written.dictionary === 0 ? 0 : at(written.dictionary),
    dictionaryIdsAt: idOffsets.map(at),
    commonRefs: Int32Array.from(refOffsets.flatMap(([offset, index]) => [at(offset), index])),
  }
}

/** Encodes the pairs that columns have in common. @param openKey key of the first, whose value each message gives */
export function encodeCommonPart(openKey: string, pairs: readonly Pair[]): CommonPart {
  const builder = new Builder(1024)
  // What is written first stands last: an empty string, cut off, in whose place the value comes.
  const open = builder.createString('')
  const offsets = [writePair(builder, openKey, open), ...pairs.map((pair) => writePair(builder, ...pair))]
  const bytes = bytesOf(builder)
  return {
    bytes: bytes.subarray(0, bytes.length - (open as number)),
    pairsAt: offsets.map((offset) => bytes.length - offset),
  }
}

/** @param value a text, or the offset of one that is written */
function writePair(builder: Builder, key: string, value: string | number): number {
  const keyOffset = builder.createString(key)
  const valueOffset = typeof value === 'number' ? value : builder.createString(value)
  return table(builder, 2, () => {
    builder.addFieldOffset(0, keyOffset, 0)
    builder.addFieldOffset(1, valueOffset, 0)
  })
}

function bytesOf(builder: Builder): Uint8Array {
  builder.prep(8, 0)
  const bytes = builder.dataBuffer().bytes()
  return bytes.slice(bytes.length - builder.offset())
}
