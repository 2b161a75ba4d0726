import { Builder } from 'flatbuffers'
import { table } from './ipc/message-builder.ts'
import { type Field, writeFieldType } from './schema.ts'

/** Key and value of metadata. */
export type Pair = readonly [key: string, value: string]

/**
 * A part of schema messages, encoded once and copied into each of them. Flatbuffers use relative offsets, so the bytes can be
 * placed anywhere. Positions are relative to the part's first byte; its length is a multiple of 8.
 */
interface Part {
  readonly bytes: Uint8Array
}

/** A column without its name and nullability. */
export interface ColumnPart extends Part {
  readonly type: number
  readonly typeAt: number
  readonly childrenAt: number
  readonly metadataAt: number
  /** 0 for none. */
  readonly dictionaryAt: number
  /** Positions of the 64-bit dictionary ids, in schema order. */
  readonly dictionaryIdsAt: readonly number[]
  /** References to pairs of the `CommonPart`: position and pair index, alternating. */
  readonly commonRefs: Int32Array
}

/** Metadata pairs that the columns of a message share. The first pair's value is open: it follows as the message's last bytes. */
export interface CommonPart extends Part {
  readonly pairsAt: readonly number[]
}

/**
 * Encodes a column.
 * @param metadata in order: pairs, or indices of pairs of the message's `CommonPart`; replaces the metadata of `field`
 * @throws ArrowError UNSUPPORTED
 */
export function encodeColumnPart(field: Field, metadata: readonly (Pair | number)[]): ColumnPart {
  const builder = new Builder(512)
  const idOffsets: number[] = []
  // Start at 1: the builder omits an id of 0.
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

/** Encodes the shared pairs. @param openKey key of the first pair, whose value is given per message */
export function encodeCommonPart(openKey: string, pairs: readonly Pair[]): CommonPart {
  const builder = new Builder(1024)
  // The builder writes backwards: this empty string comes last, and is cut off to make place for the value.
  const open = builder.createString('')
  const offsets = [writePair(builder, openKey, open), ...pairs.map((pair) => writePair(builder, ...pair))]
  const bytes = bytesOf(builder)
  return {
    bytes: bytes.subarray(0, bytes.length - (open as number)),
    pairsAt: offsets.map((offset) => bytes.length - offset),
  }
}

/** @param value a string, or the offset of a written one */
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
