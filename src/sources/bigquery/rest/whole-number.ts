/**
 * A number of bytes, rows or milliseconds as the API has it: a text of digits (int64 in JSON), or a number. undefined for anything
 * else, such as a negative number: no sum of money may come of it. Numbers above 2^53 - 1 count as that.
 */
export function wholeNumberOf(value: unknown): number | undefined {
  const isWhole =
    typeof value === 'string' ? /^\d{1,30}$/.test(value) : Number.isInteger(value) && (value as number) >= 0
  return isWhole ? Math.min(Number(value), Number.MAX_SAFE_INTEGER) : undefined
}
