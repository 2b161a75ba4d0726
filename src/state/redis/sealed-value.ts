import { createHash } from 'node:crypto'

/** Format of the values below; another one is unreadable. */
const FORMAT = 1
const DIGEST_BYTES = 16
const HEADER_BYTES = 1 + DIGEST_BYTES

/** A value as it goes to Redis: with a checksum over its key and its bytes, so that a changed or swapped value is noticed. */
export function sealValue(key: string, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + value.byteLength)
  sealed[0] = FORMAT
  digestOf(key, value).copy(sealed, 1, 0, DIGEST_BYTES)
  sealed.set(value, HEADER_BYTES)
  return sealed
}

/** The value that `sealValue` has sealed under this key; undefined if it is another one. The bytes are a view. */
export function openValue(key: string, sealed: Buffer): Buffer | undefined {
  if (sealed.byteLength < HEADER_BYTES || sealed[0] !== FORMAT) return undefined
  const value = sealed.subarray(HEADER_BYTES)
  const isOwn = digestOf(key, value).compare(sealed, 1, HEADER_BYTES, 0, DIGEST_BYTES) === 0
  return isOwn ? value : undefined
}

/** A checksum of a short text, as 16 hex digits. */
export function textChecksum(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16)
}

function digestOf(key: string, value: Uint8Array): Buffer {
  return createHash('sha256').update(key).update('\0').update(value).digest()
}
