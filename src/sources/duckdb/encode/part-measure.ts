import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { type ColumnPart, readChildren } from '../native/arrow-array-reader.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { DECIMAL_BYTES } from './decimal-widener.ts'
import { decodedBytes } from './decoded-part.ts'

const offset32 = new Int32Array(1)
const offset32Address = addressOf(offset32)
const offset64 = new BigInt64Array(1)
const offset64Address = addressOf(offset64)

/** Rows `offset` to `offset + rows` of a part. */
export function slicePart(part: ColumnPart, offset: number, rows: number): ColumnPart {
  if (offset === 0 && rows === part.rows) return part
  return { ...part, offset: part.offset + offset, rows, nulls: part.nulls === 0 ? 0 : -1 }
}

/** Reads an offset of 4 or 8 bytes. */
export function readOffset(at: Address, width: number): number {
  if (width === 8) {
    memcpy(offset64Address, at, 8)
    return Number(offset64[0])
  }
  memcpy(offset32Address, at, 4)
  return offset32[0]!
}

/** Bytes of a part's values, computed from widths and offsets without a visit to each value. */
export function measurePart(plan: LayoutPlan, part: ColumnPart): number {
  if (part.rows === 0) return 0
  switch (plan.kind) {
    case 'null':
    case 'listView':
    case 'runEnds':
      return 0
    case 'fixed':
      return part.rows * plan.width
    case 'bool':
    case 'boolBytes':
      return part.rows >> 3
    case 'narrowDecimal':
    case 'huge':
    case 'unsignedHuge':
      return part.rows * DECIMAL_BYTES
    case 'rendered':
      return measureRendered(plan, part)
    case 'decoded':
      return 4 * part.rows + decodedBytes(plan, part)
    case 'view':
      return part.rows * plan.width
    case 'text': {
      const { count } = offsetRange(plan.width, part)
      return part.rows * plan.width + count
    }
    case 'list': {
      const { from, count } = offsetRange(plan.width, part)
      return part.rows * plan.width + measureChildren(plan, part, from, count)
    }
    case 'fixedList':
      return measureChildren(plan, part, part.offset * plan.width, part.rows * plan.width)
    case 'struct':
    case 'members':
    case 'sparseUnion':
    case 'denseUnion':
      return part.rows * plan.width + measureChildren(plan, part, part.offset, part.rows)
  }
}

function measureRendered({ width, form }: LayoutPlan, part: ColumnPart): number {
  const bytes = width > 0 ? part.rows * width : offsetRange(4, part).count
  return 4 * part.rows + Math.ceil(bytes * form!.growth)
}

function measureChildren(plan: LayoutPlan, part: ColumnPart, offset: number, rows: number): number {
  let bytes = 0
  for (const [i, child] of readChildren(part).entries())
    bytes += measurePart(plan.children[i]!, slicePart(child, offset, rows))
  return bytes
}

function offsetRange(width: number, part: ColumnPart): { from: number; count: number } {
  const at = part.buffer1 + part.offset * width
  const from = part.offset === 0 ? 0 : readOffset(at, width)
  return { from, count: readOffset(at + part.rows * width, width) - from }
}
