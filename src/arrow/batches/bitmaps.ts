const zeroCounts = Uint8Array.from({ length: 256 }, (_, byte) => {
  let zeros = 8
  for (let rest = byte; rest > 0; rest >>= 1) zeros -= rest & 1
  return zeros
})

/** Whether the bit of a row is set. */
export function isSet(bits: Uint8Array, row: number): boolean {
  return ((bits[Math.floor(row / 8)]! >> (row % 8)) & 1) === 1
}

/**
 * Copies bits so that they start at a byte, and clears the unused bits of the last byte. Indices are not shifted with `>>`, since
 * row numbers may exceed 32 bits.
 * @param from first bit of `source`, which must hold all `count` bits
 * @param at first byte of `target`
 */
export function copyBits(source: Uint8Array, from: number, count: number, target: Uint8Array, at: number): void {
  if (count === 0) return
  const start = Math.floor(from / 8)
  const last = Math.ceil(count / 8) - 1
  const shift = from % 8
  if (shift === 0) target.set(source.subarray(start, start + last + 1), at)
  else {
    for (let i = 0; i < last; i++)
      target[at + i] = (source[start + i]! >> shift) | (source[start + i + 1]! << (8 - shift))
    const next = start + last + 1 < source.length ? source[start + last + 1]! : 0
    target[at + last] = (source[start + last]! >> shift) | (next << (8 - shift))
  }
  if (count % 8 !== 0) target[at + last]! &= (1 << (count % 8)) - 1
}

/** Zeros among the first `count` bits from byte `at`; the rest of the last byte must be zero. */
export function countZeros(bits: Uint8Array, at: number, count: number): number {
  const end = at + Math.ceil(count / 8)
  let zeros = 0
  for (let i = at; i < end; i++) zeros += zeroCounts[bits[i]!]!
  return zeros - (8 * (end - at) - count)
}
