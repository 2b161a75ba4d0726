import { encodeRecordBatch } from '../../../arrow/batches/batch.ts'
import type { Allocate } from './batch-layout.ts'
import type { BatchLimits, EncodedBatch } from './record-batches.ts'

const COUNT_BYTES = 8

/**
 * Encodes how many rows each execution of a statement changed: one BIGINT column, as in DuckDB's result of a single
 * execution.
 */
export function* encodeCounts(
  executionCount: number,
  countOf: (execution: number) => number,
  { batchRows, batchBytes }: BatchLimits,
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  const capacity = Math.max(1, Math.min(batchRows, Math.floor(batchBytes / COUNT_BYTES)))
  for (let from = 0; from < executionCount; from += capacity) {
    const rows = Math.min(capacity, executionCount - from)
    const counts = BigInt64Array.from({ length: rows }, (_, i) => BigInt(countOf(from + i)))
    const bodyLength = COUNT_BYTES * rows
    const body = allocate(bodyLength)
    body.set(new Uint8Array(counts.buffer))
    const header = encodeRecordBatch({ rows, nodes: [rows, 0], buffers: [0, 0, 0, bodyLength], bodyLength })
    yield { header, body, bodyLength, rows }
  }
}
