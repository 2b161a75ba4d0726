import { encodeRecordBatch } from '../../../arrow/batches/batch.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import {
  chunkSize,
  chunkVector,
  destroyChunk,
  type StreamingResult,
  vectorData,
  vectorValidity,
} from '../native/streaming-result.ts'
import type { Allocate } from './batch-layout.ts'
import type { BatchLimits, EncodedBatch } from './record-batches.ts'

const ALIGNMENT = 8
const MIN_ROWS = 2048

/**
 * Encodes the rows of a result whose vectors have Arrow's layout. Each value is copied once, from the vector straight into
 * the body of its batch. Stops at the first chunk that may hold nulls.
 * @param widths bytes of a value, by column
 * @returns the chunk at which it stopped; 0 at the end of the result
 */
export function* encodeVectorBatches(
  result: StreamingResult,
  widths: readonly number[],
  { batchRows, batchBytes }: BatchLimits,
  allocate: Allocate,
): Generator<EncodedBatch, Address, undefined> {
  const rowBytes = widths.reduce((sum, width) => sum + width, 0)
  const capacity = Math.max(Math.min(batchRows, Math.floor(batchBytes / rowBytes)), Math.min(MIN_ROWS, batchRows))
  const starts = columnStarts(widths, capacity)
  const sources: Address[] = widths.map(() => 0)
  let body: Uint8Array<SharedArrayBuffer> | undefined
  let base = 0
  let rows = 0
  for (;;) {
    const chunk = result.fetch()
    const mayHoldNulls = chunk !== 0 && !readSources(chunk, sources)
    if (chunk === 0 || mayHoldNulls) {
      let isHandedOver = false
      try {
        if (body && rows > 0) yield endBatch(body, widths, starts, rows)
        isHandedOver = true
        return chunk
      } finally {
        // The reader has stopped at this batch.
        if (!isHandedOver && chunk !== 0) destroyChunk(chunk)
      }
    }
    const size = Number(chunkSize(chunk))
    try {
      for (let from = 0; from < size; ) {
        if (!body) {
          body = allocate(starts[widths.length]!)
          base = addressOf(body)
        }
        const count = Math.min(size - from, capacity - rows)
        for (let i = 0; i < widths.length; i++) {
          const width = widths[i]!
          memcpy(base + starts[i]! + rows * width, sources[i]! + from * width, count * width)
        }
        rows += count
        from += count
        if (rows === capacity) {
          yield endBatch(body, widths, starts, rows)
          body = undefined
          rows = 0
        }
      }
    } finally {
      destroyChunk(chunk)
    }
  }
}

/** Finds the address of each column's values. @returns false when a column may hold nulls */
function readSources(chunk: Address, sources: Address[]): boolean {
  for (let i = 0; i < sources.length; i++) {
    const vector = chunkVector(chunk, i)
    if (vectorValidity(vector) !== 0) return false
    sources[i] = vectorData(vector)
  }
  return true
}

/** The offset of each column in a body of `rows` rows, then the length of the body. */
function columnStarts(widths: readonly number[], rows: number): number[] {
  const starts = [0]
  for (const width of widths) starts.push((starts.at(-1)! + rows * width + ALIGNMENT - 1) & -ALIGNMENT)
  return starts
}

function endBatch(
  body: Uint8Array<SharedArrayBuffer>,
  widths: readonly number[],
  fullStarts: readonly number[],
  rows: number,
): EncodedBatch {
  const starts = columnStarts(widths, rows)
  const nodes: number[] = []
  const buffers: number[] = []
  for (let i = 0; i < widths.length; i++) {
    const from = fullStarts[i]!
    const to = starts[i]!
    const length = rows * widths[i]!
    if (to !== from) body.copyWithin(to, from, from + length)
    body.fill(0, to + length, starts[i + 1])
    nodes.push(rows, 0)
    buffers.push(to, 0, to, length)
  }
  const bodyLength = starts[widths.length]!
  return { header: encodeRecordBatch({ rows, nodes, buffers, bodyLength }), body, bodyLength, rows }
}
