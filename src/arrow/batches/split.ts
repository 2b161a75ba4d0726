import { LoopTurn } from '../../async/loop-turn.ts'
import { ArrowError } from '../errors.ts'
import { metadataVersionOf, readBatchLayout } from '../ipc/header.ts'
import type { Field } from '../schema.ts'
import type { BatchLayout } from './batch.ts'
import { BatchSlice, type Piece } from './batch-slice.ts'
import { type LayoutPlan, layoutPlan } from './layout-plan.ts'

/** From this version on unions have no validity bitmaps. Source: Schema.fbs, `MetadataVersion`. */
const VERSION_5 = 4
/** After so many attempts that were too large the rows are halved, in place of being estimated. */
const MAX_ESTIMATES = 3
/** Estimates aim a little lower, as rows differ. */
const CAUTION = 0.95

/** Pieces of more than one row are no larger, whatever the limit: measuring and writing such a piece takes some milliseconds. */
const MAX_PIECE_BYTES = 4 << 20

/** Room for the header, the protobuf fields and the padding of a message. */
const overheadBytes = ({ nodes, buffers, variadicCounts = [] }: BatchLayout) =>
  512 + 8 * (nodes.length + buffers.length + variadicCounts.length)

/**
 * Cuts a record batch by rows into messages of at most `maxBytes` each, and of 4 MiB where a row is not larger, in order. The event loop has its turns meanwhile.
 * @param maxRowBytes what a message of a single row may have, where that is more
 * @throws ArrowError ROW_TOO_LARGE when one row is above that, UNSUPPORTED or MALFORMED
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
    throw new ArrowError('MALFORMED', 'The body of the record batch is cut short.')
  const plans = schema.children.map(layoutPlan)
  if (metadataVersionOf(header) < VERSION_5 && plans.some(hasUnion))
    throw new ArrowError('UNSUPPORTED', 'Unions of Arrow before 1.0 cannot be cut.')
  const source = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const overhead = overheadBytes(layout)
  const limit = Math.max(maxBytes, maxRowBytes) - overhead
  const budget = Math.min(maxBytes - overhead, MAX_PIECE_BYTES)
  const turn = new LoopTurn(1)
  let step = Math.max(1, Math.floor((CAUTION * layout.rows * budget) / Math.max(1, body.byteLength)))
  let from = 0
  do {
    const { slice, to } = await largestSlice(plans, layout, source, from, step, { budget, limit }, turn)
    yield await slice.encode(turn)
    step = to - from
    if (slice.byteLength < budget / 2) step *= 2
    from = to
  } while (from < layout.rows)
}

/** What fits of the next `step` rows: into the budget, or into the limit where it is a single row. */
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
    if (rows <= 1)
      throw new ArrowError('ROW_TOO_LARGE', `One row takes ${bytes} bytes, more than the ${limit} that a row may take.`)
    const share = attempt > MAX_ESTIMATES ? 0.5 : (CAUTION * budget) / bytes
    rows = Math.max(1, Math.floor(rows * share))
  }
}

function hasUnion({ kind, children }: LayoutPlan): boolean {
  return kind === 'sparseUnion' || kind === 'denseUnion' || children.some(hasUnion)
}
