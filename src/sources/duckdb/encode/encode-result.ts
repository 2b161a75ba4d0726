import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Address } from '../native/library.ts'
import type { StreamingResult } from '../native/streaming-result.ts'
import { chunkPlan } from '../types/wire-schema.ts'
import type { Allocate } from './batch-layout.ts'
import { arrowChunks, vectorChunks } from './chunk-reader.ts'
import { type ColumnPath, mixedChunks } from './mixed-chunk-reader.ts'
import { type BatchLimits, type EncodedBatch, encodeBatches } from './record-batches.ts'
import { encodeVectorBatches } from './vector-batches.ts'
import { isPlainText, vectorPlan } from './vector-layout.ts'

/**
 * Encodes a result as record batches, each column on the shortest way there is for its type. What was known of the statement
 * before it ran is of no account.
 * @param losslessTypes whether extension types stay, see `wireSchema`
 */
export function* encodeResult(
  result: StreamingResult,
  limits: BatchLimits,
  allocate: Allocate,
  losslessTypes: boolean,
): Generator<EncodedBatch, void, undefined> {
  const schema = result.schema()
  const types = result.columnTypes()
  const vectorPlans = schema.children.map((field, i) => vectorPlan(field, types[i]!, losslessTypes))
  const plans = schema.children.map((field, i) => vectorPlans[i] ?? chunkPlan(field, losslessTypes))
  const ways = schema.children.map((field, i): ColumnPath => {
    if (vectorPlans[i]) return 'vector'
    return isPlainText(field, types[i]!) ? 'shortText' : 'converted'
  })
  if (ways.every((way) => way === 'converted')) {
    yield* encodeBatches(plans, arrowChunks(result), limits, allocate)
    return
  }
  if (ways.every((way) => way === 'vector')) {
    yield* vectorResult(plans, result, limits, allocate)
    return
  }
  const chunks = mixedChunks(result, ways)
  try {
    yield* encodeBatches(plans, chunks, limits, allocate)
  } finally {
    chunks.close()
  }
}

/** Vectors go straight into batches as long as there are no nulls; from then on their validity is gathered too. */
function* vectorResult(
  plans: readonly LayoutPlan[],
  result: StreamingResult,
  limits: BatchLimits,
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  let first: Address = 0
  if (plans.every(({ kind }) => kind === 'fixed')) {
    const widths = plans.map(({ width }) => width)
    first = yield* encodeVectorBatches(result, widths, limits, allocate)
    if (first === 0) return
  }
  yield* encodeBatches(plans, vectorChunks(result, plans.length, first), limits, allocate)
}
