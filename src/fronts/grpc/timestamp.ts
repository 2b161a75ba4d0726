/** Converts Unix milliseconds to a protobuf Timestamp. */
export function timestampOf(unixMs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(unixMs / 1000)
  return { seconds: BigInt(seconds), nanos: Math.floor(unixMs - seconds * 1000) * 1_000_000 }
}
