import { LoopTurn } from '../../async/loop-turn.ts'
import { ArrowError } from '../errors.ts'
import { metadataVersionOf, readBatchLayout } from '../ipc/header.ts'
import type { Field } from '../schema.ts'
import type { BatchLayout } from './batch.ts'
import { BatchSlice, type Piece } from './batch-slice.ts'
import { type LayoutPlan, layoutPlan } from './layout-plan.ts'

/** Unions have no validity bitmap from this version on. Source: Schema.fbs, `MetadataVersion`. */
const VERSION_5 = 4
/** After this many oversized attempts, halve the rows instead of estimating them. */
const MAX_ESTIMATES = 3
/** Factor by which estimates stay below the limit, since row sizes vary. */
const SAFETY_FACTOR = 0.95

/** Upper bound on pieces of several rows, whatever the limit: planning and copying 4 MiB takes some milliseconds. */
const MAX_PIECE_BYTES = 4 << 20

/** Allowance for a message's header, protobuf fields and padding. */
const overheadBytes = ({ nodes, buffers, variadicCounts = [] }: BatchLayout) =>
  512 + 8 * (nodes.length + buffers.length + variadicCounts.length)

/**
 * Splits a record batch by rows into messages of at most `maxBytes` (and 4 MiB) each, in order. It yields to the event loop.
 * @param maxRowBytes limit of a message with a single row, if larger
 * @throws ArrowError ROW_TOO_LARGE when one row exceeds that; UNSUPPORTED; MALFORMED
 */
export async function* splitBatch(
  schema: Field,
  header: Uint8Array,
  body: Uint8Array,
  maxBytes: number,
  maxRowBytes = maxBytes,
): AsyncGenerator<Piece> {
  const layout = readBatchLayout(header)
  if (body.byteLength < layout.bodyLength)
    throw new ArrowError('MALFORMED', 'The body of the record batch is truncated.')
  const plans = schema.children.map(layoutPlan)
  if (metadataVersionOf(header) < VERSION_5 && plans.some(hasUnion))
    throw new ArrowError('UNSUPPORTED', 'Record batches with unions from before Arrow 1.0 cannot be split.')
  const source = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const overhead = overheadBytes(layout)
  const limit = Math.max(maxBytes, maxRowBytes) - overhead
  const budget = Math.min(maxBytes - overhead, MAX_PIECE_BYTES)
  const turn = new LoopTurn(1)
  let step = Math.max(1, Math.floor((SAFETY_FACTOR * layout.rows * budget) / Math.max(1, body.byteLength)))
  let from = 0
  do {
    const { slice, to } = await largestSlice(plans, layout, source, from, step, { budget, limit }, turn)
    yield await slice.encode(turn)
    step = to - from
    if (slice.byteLength < budget / 2) step *= 2
    from = to
  } while (from < layout.rows)
}

/** Largest slice of the next `step` rows that fits into the budget; a single row may reach the limit. */
async function largestSlice(
  plans: readonly LayoutPlan[],
  layout: BatchLayout,
  body: Buffer,
  from: number,
  step: number,
  { budget, limit }: { readonly budget: number; readonly limit: number },
  turn: LoopTurn,
): Promise<{ readonly slice: BatchSlice; readonly to: number }> {
  let rows = Math.min(step, layout.rows - from)
  for (let attempt = 1; ; attempt++) {
    const slice = new BatchSlice(layout, body, rows)
    for (const plan of plans) {
      const pause = turn.next()
      if (pause) await pause
      slice.column(plan, from, from + rows)
    }
    const bytes = slice.byteLength
    if (bytes <= (rows <= 1 ? limit : budget)) return { slice, to: from + rows }
    if (rows <= 1) throw new ArrowError('ROW_TOO_LARGE', `One row takes ${bytes} bytes; the limit is ${limit}.`)
    const share = attempt > MAX_ESTIMATES ? 0.5 : (SAFETY_FACTOR * budget) / bytes
    rows = Math.max(1, Math.floor(rows * share))
  }
}

function hasUnion({ kind, children }: LayoutPlan): boolean {
  return kind === 'sparseUnion' || kind === 'denseUnion' || children.some(hasUnion)
}
