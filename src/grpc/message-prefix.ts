/** Bytes that stand before each gRPC message. Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message". */
export const PREFIX_BYTES = 5

/** What stands before an uncompressed message of this size. */
export function prefixOf(byteLength: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix[0] = 0
  prefix.writeUInt32BE(byteLength, 1)
  return prefix
}
