/** Divides and rounds toward minus infinity, as every lossy conversion in this folder does. */
export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return quotient * by > value ? quotient - 1n : quotient
}

/** Converts a count of an Arrow time unit, by the unit's letter in formats, to microseconds. Nanoseconds are rounded down. */
export const micros: Readonly<Record<string, (value: bigint) => bigint>> = {
  s: (value) => value * 1_000_000n,
  m: (value) => value * 1000n,
  u: (value) => value,
  n: (value) => floorDivide(value, 1000n),
}

const MS_PER_DAY = 86_400_000n

/** The day of a time in milliseconds, both since the epoch. */
export function daysOf(ms: bigint): number {
  return Number(floorDivide(ms, MS_PER_DAY))
}

/** Infinity in DuckDB's timestamps of every unit; its negative is minus infinity. DuckDB passes both to Arrow unchanged. */
export const INFINITY = 2n ** 63n - 1n

/** Converts a timestamp without zone, which may be infinite, from nanoseconds to microseconds. */
export function timestampMicros(ns: bigint): bigint {
  return ns === INFINITY || ns === -INFINITY ? ns : floorDivide(ns, 1000n)
}
