import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { ColumnPart } from '../native/arrow-array-reader.ts'
import { DuckDbError } from '../native/c-api.ts'
import { addressOf, memcpy } from '../native/library.ts'

const MAX_TEXT_BYTES = 2 ** 31 - 1

/** A part whose texts are in JavaScript memory, which must stay reachable while they are copied. */
export interface RenderedPart extends ColumnPart {
  readonly memory: readonly Uint8Array[]
}

/**
 * Renders the values of a part as texts.
 * @param plan of the kind `rendered`
 * @throws DuckDbError for texts too long for Arrow's 32-bit offsets
 */
export function renderPart({ width, form }: LayoutPlan, part: ColumnPart): RenderedPart {
  const { rows } = part
  const starts = startsOf(width, part)
  const from = starts[0]!
  const values = load((width === 0 ? part.buffer2 : part.buffer1) + from, starts[rows]! - from)
  const size = Math.ceil(values.length * form!.growth)
  refuseBeyondOffsets(size)
  const isNull = nullsOf(part)
  const texts = new Uint8Array(Math.max(size, 1))
  const offsets = new Int32Array(rows + 1)
  let at = 0
  for (let row = 0; row < rows; row++) {
    if (!isNull(row)) at = form!.write(values, starts[row]! - from, starts[row + 1]! - from, texts, at)
    offsets[row + 1] = at
  }
  return withTexts(part, offsets, texts)
}

/** A part of the same rows, some of them NULL, whose values are texts in memory of ours. */
export function withTexts(part: ColumnPart, offsets: Int32Array<ArrayBuffer>, texts: Uint8Array): RenderedPart {
  const memory = [new Uint8Array(offsets.buffer), texts]
  return { ...part, offset: 0, buffer1: addressOf(offsets), buffer2: addressOf(texts), memory }
}

/** Tells which rows of a part are NULL. */
export function nullsOf({ buffer0, offset, rows }: ColumnPart): (row: number) => boolean {
  if (buffer0 === 0) return () => false
  const validity = load(buffer0, (offset + rows + 7) >> 3)
  return (row) => ((validity[(offset + row) >> 3]! >> ((offset + row) & 7)) & 1) === 0
}

/** @throws DuckDbError for texts that Arrow's offsets of 32 bits cannot tell apart */
export function refuseBeyondOffsets(bytes: number): void {
  if (bytes > MAX_TEXT_BYTES)
    throw new DuckDbError('Out of Range Error: the text of a value is too long: ask for a part of it.')
}

/** The start of each value, and the end of the last. */
function startsOf(width: number, { buffer1, offset, rows }: ColumnPart): Int32Array {
  const starts = new Int32Array(rows + 1)
  if (width === 0) {
    if (rows > 0) memcpy(addressOf(starts), buffer1 + 4 * offset, 4 * (rows + 1))
  } else for (let row = 0; row <= rows; row++) starts[row] = (offset + row) * width
  return starts
}

/** A copy of bytes of native memory. */
export function load(from: number, count: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(count, 1))
  if (count > 0) memcpy(addressOf(bytes), from, count)
  return bytes.subarray(0, count)
}
