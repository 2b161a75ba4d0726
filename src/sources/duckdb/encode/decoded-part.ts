import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { type ColumnPart, readArrowArray } from '../native/arrow-array-reader.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { load, nullsOf, type RenderedPart, refuseBeyondOffsets, withTexts } from './rendered-part.ts'

/** Arrow's offsets in a dictionary of texts. */
const OFFSET_BYTES = 4

/**
 * Bytes of the texts that the indices of a part stand for.
 * @param plan of the kind `decoded`
 */
export function decodedBytes({ width }: LayoutPlan, part: ColumnPart): number {
  const { rows } = part
  const { starts } = readDictionary(part)
  const indices = readIndices(width, part)
  const isNull = nullsOf(part)
  let bytes = 0
  for (let row = 0; row < rows; row++) {
    if (isNull(row)) continue
    const index = indices[row]!
    bytes += starts[index + 1]! - starts[index]!
  }
  return bytes
}

/**
 * The texts that the indices of a part stand for.
 * @param plan of the kind `decoded`
 * @throws DuckDbError for texts that Arrow's offsets of 32 bits cannot tell apart
 */
export function decodePart(plan: LayoutPlan, part: ColumnPart): RenderedPart {
  const { rows } = part
  if (rows === 0) return withTexts(part, new Int32Array(1), new Uint8Array(1))
  const bytes = decodedBytes(plan, part)
  refuseBeyondOffsets(bytes)
  const { starts, texts: from } = readDictionary(part)
  const first = starts[0]!
  const dictionary = load(from + first, starts[starts.length - 1]! - first)
  const indices = readIndices(plan.width, part)
  const isNull = nullsOf(part)
  const texts = new Uint8Array(Math.max(bytes, 1))
  const offsets = new Int32Array(rows + 1)
  let at = 0
  for (let row = 0; row < rows; row++) {
    if (!isNull(row)) {
      const index = indices[row]!
      const end = starts[index + 1]! - first
      for (let i = starts[index]! - first; i < end; i++) texts[at++] = dictionary[i]!
    }
    offsets[row + 1] = at
  }
  return withTexts(part, offsets, texts)
}

/** Where each text of the dictionary of a part begins, and the last one ends, from the address of the texts. */
function readDictionary({ dictionary }: ColumnPart): { readonly starts: Int32Array; readonly texts: Address } {
  const { rows, offset, buffer1, buffer2 } = readArrowArray(dictionary)
  const starts = new Int32Array(rows + 1)
  if (rows > 0) memcpy(addressOf(starts), buffer1 + OFFSET_BYTES * offset, OFFSET_BYTES * (rows + 1))
  return { starts, texts: buffer2 }
}

/** The indices of the rows of a part, which are unsigned. @param width 1, 2 or 4 bytes */
function readIndices(width: number, { rows, offset, buffer1 }: ColumnPart): Uint8Array | Uint16Array | Uint32Array {
  const indices = width === 1 ? new Uint8Array(rows) : width === 2 ? new Uint16Array(rows) : new Uint32Array(rows)
  if (rows > 0) memcpy(addressOf(indices), buffer1 + width * offset, width * rows)
  return indices
}
