import { Builder } from 'flatbuffers'
import { finishMessage, MessageHeader, table } from '../ipc/message-builder.ts'

/** Layout of a record batch in its body: (rows, nulls) per node and (offset, length) per buffer, flattened. */
export interface BatchLayout {
  readonly rows: number
  readonly nodes: readonly number[]
  readonly buffers: readonly number[]
  /** Number of data buffers of each view column, in order. */
  readonly variadicCounts?: readonly number[]
  /** Bytes of the body, a multiple of 8. */
  readonly bodyLength: number
}

/** Encodes the header of a record batch as a bare flatbuffer `Message`. */
export function encodeRecordBatch(layout: BatchLayout): Uint8Array {
  const builder = builderFor(layout)
  return finishMessage(builder, MessageHeader.recordBatch, writeBatch(builder, layout), layout.bodyLength)
}

/** Encodes the header of a dictionary batch. @param id from 0, in schema order @param isDelta whether the values are appended */
export function encodeDictionaryBatch(id: number, layout: BatchLayout, isDelta = false): Uint8Array {
  const builder = builderFor(layout)
  const batch = writeBatch(builder, layout)
  const dictionary = table(builder, 3, () => {
    builder.addFieldInt64(0, BigInt(id), 0n)
    builder.addFieldOffset(1, batch, 0)
    if (isDelta) builder.addFieldInt8(2, 1, 0)
  })
  return finishMessage(builder, MessageHeader.dictionaryBatch, dictionary, layout.bodyLength)
}

function builderFor({ nodes, buffers }: BatchLayout): Builder {
  return new Builder(256 + (nodes.length + buffers.length) * 8)
}

function writeBatch(builder: Builder, { rows, nodes, buffers, variadicCounts = [] }: BatchLayout): number {
  const countVector = variadicCounts.length > 0 ? writeCounts(builder, variadicCounts) : 0
  const bufferVector = writePairs(builder, buffers)
  const nodeVector = writePairs(builder, nodes)
  return table(builder, 5, () => {
    builder.addFieldInt64(0, BigInt(rows), 0n)
    builder.addFieldOffset(1, nodeVector, 0)
    builder.addFieldOffset(2, bufferVector, 0)
    if (countVector) builder.addFieldOffset(4, countVector, 0)
  })
}

function writePairs(builder: Builder, pairs: readonly number[]): number {
  builder.startVector(16, pairs.length / 2, 8)
  for (let i = pairs.length - 1; i >= 0; i--) {
    const value = pairs[i]!
    builder.prep(4, 8)
    builder.writeInt32(Math.floor(value / 4_294_967_296))
    builder.writeInt32(value | 0)
  }
  return builder.endVector()
}

function writeCounts(builder: Builder, counts: readonly number[]): number {
  builder.startVector(8, counts.length, 8)
  for (const count of [...counts].reverse()) builder.addInt64(BigInt(count))
  return builder.endVector()
}
