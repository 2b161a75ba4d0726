/** Reads the signed integer at an index. @param width bytes of each integer: 2, 4 or 8 */
export function readInteger(source: Buffer, width: number, index: number): number {
  if (width === 4) return source.readInt32LE(4 * index)
  if (width === 2) return source.readInt16LE(2 * index)
  return source.readInt32LE(8 * index + 4) * 2 ** 32 + source.readUInt32LE(8 * index)
}

/** Writes an integer at an index. @param at offset of the first integer, in bytes */
export function writeInteger(target: Buffer, at: number, width: number, index: number, value: number): void {
  if (width === 4) target.writeInt32LE(value, at + 4 * index)
  else if (width === 2) target.writeInt16LE(value, at + 2 * index)
  else target.writeBigInt64LE(BigInt(value), at + 8 * index)
}

/** Subtracts from integers in place, with wrap-around. @param at in bytes; `target.byteOffset + at` must be a multiple of 8 */
export function subtract(target: Buffer, at: number, width: number, count: number, value: number): void {
  if (value === 0) return
  const start = target.byteOffset + at
  if (width !== 8) {
    const numbers =
      width === 4 ? new Int32Array(target.buffer, start, count) : new Int16Array(target.buffer, start, count)
    for (let i = 0; i < count; i++) numbers[i]! -= value
    return
  }
  const words = new Uint32Array(target.buffer, start, 2 * count)
  const [low, high] = [value % 2 ** 32, Math.floor(value / 2 ** 32)]
  for (let i = 0; i < 2 * count; i += 2) {
    const borrow = words[i]! < low ? 1 : 0
    words[i]! -= low
    words[i + 1]! -= high + borrow
  }
}
