import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The key by which processes recognize what one of them has written to Redis. Who has access to Redis does not have it. */
export interface RowsKey {
  /** Tells keys apart: processes with different keys have entries of their own. */
  readonly id: string
  readonly key: KeyObject
}

/** Length of a seal: HMAC-SHA256, cut off. Source: RFC 2104, section 5. */
export const SEAL_BYTES = 16

/** Writes the seal of a value over its name and all bytes but its own. @param at where the seal is in the value */
export function writeSeal(key: RowsKey, name: string, value: Buffer, at: number): void {
  sealOf(key, name, value, at).copy(value, at)
}

/** Whether `writeSeal` has sealed a value under this name. @param at where the seal is; the value is long enough */
export function isSealOf(key: RowsKey, name: string, value: Buffer, at: number): boolean {
  return timingSafeEqual(value.subarray(at, at + SEAL_BYTES), sealOf(key, name, value, at))
}

function sealOf({ key }: RowsKey, name: string, value: Buffer, at: number): Buffer {
  const hmac = createHmac('sha256', key).update(name).update('\0')
  if (at > 0) hmac.update(value.subarray(0, at))
  return hmac
    .update(value.subarray(at + SEAL_BYTES))
    .digest()
    .subarray(0, SEAL_BYTES)
}
