/** Billionths in a US dollar. Amounts of money are whole billionths inside, so that sums are exact. */
const NANO_USD = 1_000_000_000

const TIB = 2n ** 40n
const SLOT_HOUR_MS = 3_600_000n

/** An amount in dollars as whole billionths, rounded to the nearest. Exact for prices and for amounts up to a million dollars. */
export function nanoUsdOf(usd: number): number {
  return Math.round(usd * NANO_USD)
}

/** An amount in billionths as dollars. `nanoUsdOf` gives the same amount back up to a million dollars. */
export function usdOf(nanoUsd: number): number {
  return nanoUsd / NANO_USD
}

/** Price of bytes in whole billionths of a dollar, rounded up: a started billionth counts, so that a limit is never undercut. */
export function nanoUsdOfBytes(bytes: number, nanoUsdPerTib: number): number {
  return roundedUp(BigInt(bytes) * BigInt(nanoUsdPerTib), TIB)
}

/** Price of slot milliseconds in whole billionths of a dollar, rounded up. */
export function nanoUsdOfSlots(slotMs: number, nanoUsdPerSlotHour: number): number {
  return roundedUp(BigInt(Math.ceil(slotMs)) * BigInt(nanoUsdPerSlotHour), SLOT_HOUR_MS)
}

/** Most bytes whose price is at most the amount. */
export function bytesFor(nanoUsd: number, nanoUsdPerTib: number): number {
  if (nanoUsdPerTib === 0) return Number.MAX_SAFE_INTEGER
  return safe((BigInt(nanoUsd) * TIB) / BigInt(nanoUsdPerTib))
}

const roundedUp = (dividend: bigint, divisor: bigint) => safe((dividend + divisor - 1n) / divisor)

/** Amounts and sizes beyond 2^53 (9 million dollars, 8 PiB) count as 2^53 - 1: more than any limit that can be configured. */
function safe(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}
