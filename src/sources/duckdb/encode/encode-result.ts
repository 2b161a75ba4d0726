import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Address } from '../native/library.ts'
import type { StreamingResult } from '../native/streaming-result.ts'
import type { TypeForm } from '../types/plain-type.ts'
import { chunkPlan } from '../types/wire-schema.ts'
import type { Allocate } from './batch-layout.ts'
import { arrowChunks, vectorChunks } from './chunk-reader.ts'
import { type ColumnPath, mixedChunks } from './mixed-chunk-reader.ts'
import { type BatchLimits, type EncodedBatch, encodeBatches } from './record-batches.ts'
import { encodeVectorBatches } from './vector-batches.ts'
import { isPlainText, vectorPlan } from './vector-layout.ts'

/**
 * Encodes a result as record batches, each column on the fastest path for its type. Only the result's own schema counts, not
 * the one that was known before the statement ran.
 * @param form see `wireSchema`
 */
export function* encodeResult(
  result: StreamingResult,
  limits: BatchLimits,
  allocate: Allocate,
  form: TypeForm,
): Generator<EncodedBatch, void, undefined> {
  const schema = result.schema()
  const types = result.columnTypes()
  const vectorPlans = schema.children.map((field, i) => vectorPlan(field, types[i]!, form))
  const plans = schema.children.map((field, i) => vectorPlans[i] ?? chunkPlan(field, form))
  const paths = schema.children.map((field, i): ColumnPath => {
    if (vectorPlans[i]) return 'vector'
    return isPlainText(field, types[i]!) ? 'shortString' : 'converted'
  })
  if (paths.every((path) => path === 'converted')) {
    yield* encodeBatches(plans, arrowChunks(result), limits, allocate)
    return
  }
  if (paths.every((path) => path === 'vector')) {
    yield* vectorResult(plans, result, limits, allocate)
    return
  }
  const chunks = mixedChunks(result, paths)
  try {
    yield* encodeBatches(plans, chunks, limits, allocate)
  } finally {
    chunks.close()
  }
}

/** Copies vectors straight into batches until the first nulls; from then on it gathers validity bitmaps too. */
function* vectorResult(
  plans: readonly LayoutPlan[],
  result: StreamingResult,
  limits: BatchLimits,
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  let nextChunk: Address = 0
  if (plans.every(({ kind }) => kind === 'fixed')) {
    const widths = plans.map(({ width }) => width)
    nextChunk = yield* encodeVectorBatches(result, widths, limits, allocate)
    if (nextChunk === 0) return
  }
  yield* encodeBatches(plans, vectorChunks(result, plans.length, nextChunk), limits, allocate)
}
