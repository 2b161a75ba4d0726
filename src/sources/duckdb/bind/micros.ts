/** Divides and rounds toward minus infinity, as everything does here that loses digits. */
export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return quotient * by > value ? quotient - 1n : quotient
}

/** Turns a count of an Arrow time unit, by its letter in formats, into microseconds; nanoseconds are lost. */
export const micros: Readonly<Record<string, (value: bigint) => bigint>> = {
  s: (value) => value * 1_000_000n,
  m: (value) => value * 1000n,
  u: (value) => value,
  n: (value) => floorDivide(value, 1000n),
}

const MS_PER_DAY = 86_400_000n

/** The day that a time in milliseconds lies in. */
export function daysOf(ms: bigint): number {
  return Number(floorDivide(ms, MS_PER_DAY))
}

/** Stands for infinity in DuckDB's timestamps of every unit, and its negative for minus infinity; in Arrow, DuckDB gives them as they are. */
export const INFINITY = 2n ** 63n - 1n

/** Microseconds of a timestamp without zone in nanoseconds, which may be infinite. */
export function timestampMicros(ns: bigint): bigint {
  return ns === INFINITY || ns === -INFINITY ? ns : floorDivide(ns, 1000n)
}
