const CONTINUATION = 0xffffffff

/**
 * A bare flatbuffer `Message` as an encapsulated one without body, as FlightInfo and SchemaResult hold schemas:
 * continuation marker, length, flatbuffer, padding to 8 bytes.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
 */
export function encapsulate(message: Uint8Array): Uint8Array {
  const padded = (message.byteLength + 7) & ~7
  const out = Buffer.alloc(8 + padded)
  out.writeUInt32LE(CONTINUATION, 0)
  out.writeUInt32LE(padded, 4)
  out.set(message, 8)
  return out
}
