import type { Builder } from 'flatbuffers'
import { offsetVector, table } from './ipc/message-builder.ts'

type Metadata = readonly (readonly [string, string])[]

/** Metadata that a builder has written already: columns share most of it by reference. */
interface WrittenMetadata {
  readonly pairs: Map<string, number>
  readonly lists: Map<Metadata, number>
}
const metadataWritten = new WeakMap<Builder, WrittenMetadata>()

/** Writes metadata, or refers to equal metadata that the builder has written already. @returns its offset, 0 for none */
export function writeMetadata(builder: Builder, metadata: Metadata): number {
  if (metadata.length === 0) return 0
  let written = metadataWritten.get(builder)
  if (!written) {
    written = { pairs: new Map(), lists: new Map() }
    metadataWritten.set(builder, written)
  }
  const known = written.lists.get(metadata)
  if (known !== undefined) return known
  const list = writePairs(builder, metadata, written.pairs)
  written.lists.set(metadata, list)
  return list
}

function writePairs(builder: Builder, metadata: Metadata, written: Map<string, number>): number {
  return offsetVector(
    builder,
    metadata.map(([key, value]) => {
      const id = `${key}\0${value}`
      const known = written.get(id)
      if (known !== undefined) return known
      const keyOffset = builder.createString(key)
      const valueOffset = builder.createString(value)
      const pair = table(builder, 2, () => {
        builder.addFieldOffset(0, keyOffset, 0)
        builder.addFieldOffset(1, valueOffset, 0)
      })
      written.set(id, pair)
      return pair
    }),
  )
}
