import { encodeDictionaryBatch, encodeRecordBatch } from '../../../arrow/batches/batch.ts'
import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { type ColumnPart, readChildren } from '../native/arrow-array-reader.ts'
import type { Address } from '../native/library.ts'
import { type Allocate, Layout } from './batch-layout.ts'
import type { Chunk, ReadChunk } from './chunk-reader.ts'
import { measurePart, slicePart } from './part-measure.ts'

/** The size at which a batch is full. */
export interface BatchLimits {
  readonly batchRows: number
  readonly batchBytes: number
}

/** One encoded IPC message; the body is the first `bodyLength` bytes of its buffer. */
export interface EncodedBatch {
  readonly header: Uint8Array
  readonly body: Uint8Array<SharedArrayBuffer>
  readonly bodyLength: number
  /** 0 for a dictionary. */
  readonly rows: number
}

const MAX_CHUNKS = 512

/**
 * Joins the chunks of a result into record batches near the limits. Dictionaries come before the first batch.
 * @param plans how the columns of the chunks are laid out in memory
 */
export function* encodeBatches(
  plans: readonly LayoutPlan[],
  read: ReadChunk,
  limits: BatchLimits,
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  const hasDictionaries = plans.some(holdsDictionary)
  let chunks: Chunk[] = []
  let rows = 0
  let bytes = 0
  let isFirst = true
  const releaseChunks = () => {
    for (const chunk of chunks) chunk.release()
    chunks = []
    rows = bytes = 0
  }
  try {
    for (;;) {
      const chunk = read()
      if (chunk) {
        const size = measureChunk(plans, chunk)
        if (chunks.length > 0 && bytes + size > 2 * limits.batchBytes) {
          yield encodeChunks(plans, chunks, rows, allocate)
          releaseChunks()
        }
        chunks.push(chunk)
        rows += chunk.rows
        bytes += size
        if (isFirst && hasDictionaries) yield* encodeDictionaries(plans, chunk.columns, allocate)
        isFirst = false
        if (rows < limits.batchRows && bytes < limits.batchBytes && chunks.length < MAX_CHUNKS) continue
      }
      if (rows > 0) {
        if (bytes > 2 * limits.batchBytes && chunks.length === 1)
          yield* encodeSlices(plans, chunks[0]!.columns, rows, limits.batchBytes, allocate)
        else yield encodeChunks(plans, chunks, rows, allocate)
      }
      releaseChunks()
      if (!chunk) return
    }
  } finally {
    releaseChunks()
  }
}

function encodeChunks(
  plans: readonly LayoutPlan[],
  chunks: readonly Chunk[],
  rows: number,
  allocate: Allocate,
): EncodedBatch {
  const columns = plans.map((_, i) => chunks.map((chunk) => chunk.columns[i]!))
  return encode(plans, columns, rows, allocate)
}

function encode(plans: readonly LayoutPlan[], columns: ColumnPart[][], rows: number, allocate: Allocate): EncodedBatch {
  const batch = Layout.batch(plans, columns, rows, allocate)
  return { header: encodeRecordBatch(batch), body: batch.body, bodyLength: batch.bodyLength, rows }
}

/** Splits a chunk of large values by rows, until each slice is below the target or has one row. */
function* encodeSlices(
  plans: readonly LayoutPlan[],
  columns: readonly ColumnPart[],
  rows: number,
  targetBytes: number,
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  const bytes = measureColumns(plans, columns)
  if (bytes <= targetBytes || rows === 1) {
    yield encode(
      plans,
      columns.map((column) => [column]),
      rows,
      allocate,
    )
    return
  }
  const half = rows >> 1
  for (const [offset, count] of [
    [0, half],
    [half, rows - half],
  ] as const) {
    const slices = columns.map((column) => slicePart(column, offset, count))
    yield* encodeSlices(plans, slices, count, targetBytes, allocate)
  }
}

function measureChunk(plans: readonly LayoutPlan[], chunk: Chunk): number {
  return measureColumns(plans, chunk.columns)
}

function measureColumns(plans: readonly LayoutPlan[], columns: readonly ColumnPart[]): number {
  let bytes = 0
  for (let i = 0; i < plans.length; i++) bytes += measurePart(plans[i]!, columns[i]!)
  return bytes
}

function holdsDictionary(plan: LayoutPlan): boolean {
  return plan.dictionary !== undefined || plan.children.some(holdsDictionary)
}

/** Encodes the dictionaries in schema order, depth first, as `encodeSchema` numbers them. */
function* encodeDictionaries(
  plans: readonly LayoutPlan[],
  columns: readonly ColumnPart[],
  allocate: Allocate,
): Generator<EncodedBatch, void, undefined> {
  const dictionaries: [LayoutPlan, Address][] = []
  const walk = (plan: LayoutPlan, part: ColumnPart) => {
    if (plan.dictionary) dictionaries.push([plan.dictionary, part.dictionary])
    else if (plan.children.some(holdsDictionary))
      for (const [i, child] of readChildren(part).entries()) walk(plan.children[i]!, child)
  }
  for (const [i, plan] of plans.entries()) walk(plan, columns[i]!)
  for (const [id, [plan, array]] of dictionaries.entries()) {
    const batch = Layout.dictionary(plan, array, allocate)
    yield { header: encodeDictionaryBatch(id, batch), body: batch.body, bodyLength: batch.bodyLength, rows: 0 }
  }
}
