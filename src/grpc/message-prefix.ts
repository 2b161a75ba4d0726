/** Length of the prefix of a gRPC message, in bytes. Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message". */
export const PREFIX_BYTES = 5

/** Prefix of an uncompressed message. */
export function prefixOf(byteLength: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix[0] = 0
  prefix.writeUInt32BE(byteLength, 1)
  return prefix
}
