/** Columns beside those in sight that are drawn too, in pixels, so that scrolling shows no gap. */
const SPARE_PIXELS = 400

/**
 * The columns that are to be drawn, from `first` up to but without `last`.
 * @param widths of the columns, in pixels
 * @param left pixels of the columns that are out of sight on the left
 * @param width pixels that are in sight
 */
export function columnsInSight(
  widths: readonly number[],
  left: number,
  width: number,
): { readonly first: number; readonly last: number } {
  let first = 0
  let last = 0
  let end = 0
  for (const [i, pixels] of widths.entries()) {
    if (end < left + width + SPARE_PIXELS) last = i + 1
    end += pixels
    if (end < left - SPARE_PIXELS) first = i + 1
  }
  return { first, last: Math.max(first, last) }
}
