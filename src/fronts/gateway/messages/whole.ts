/** A figure as a 64-bit field; undefined for a figure that is not known. */
export function whole(figure: number | undefined): bigint | undefined {
  return figure === undefined ? undefined : BigInt(Math.round(figure))
}
