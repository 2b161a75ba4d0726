import type { Builder } from 'flatbuffers'

/** Numbers of the MessageHeader union. Source: https://github.com/apache/arrow/blob/main/format/Message.fbs. */
export const MessageHeader = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const

const METADATA_V5 = 4

/** Writes one flatbuffer table with `slots` slots. */
export function table(builder: Builder, slots: number, write: () => void): number {
  builder.startObject(slots)
  write()
  return builder.endObject()
}

/** Writes a vector of tables or strings. */
export function offsetVector(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4)
  for (let i = offsets.length - 1; i >= 0; i--) builder.addOffset(offsets[i]!)
  return builder.endVector()
}

/** Finishes a `Message`. @returns a copy of its bytes */
export function finishMessage(builder: Builder, kind: number, header: number, bodyLength: number): Uint8Array {
  builder.startObject(5)
  builder.addFieldInt16(0, METADATA_V5, 0)
  builder.addFieldInt8(1, kind, 0)
  builder.addFieldOffset(2, header, 0)
  builder.addFieldInt64(3, BigInt(bodyLength), 0n)
  builder.finish(builder.endObject())
  return builder.asUint8Array().slice()
}
