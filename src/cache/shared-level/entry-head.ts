import { crc32 } from 'node:zlib'
import type { ReadScope, Snapshot } from '../changes/change-log.ts'

/** What a run that is under way, or its rows, are. */
export interface EntryHead {
  /** Random: the rows of another run under the same key have another one. */
  readonly version: string
  /** As `CacheKey.identity`. */
  readonly identity: string
  readonly scope: ReadScope
  readonly snapshot: Snapshot
  /** When its lease was asked for, in microseconds of the clock of Redis: of two runs, the one that began later has the larger one. */
  readonly order: number
  /** When the statement began to run, in milliseconds of the clock of Redis, as well as this process knows it. */
  readonly startedAt: number
  readonly ttlMs: number
  readonly execution: string | undefined
  /** Number of chunks; absent while the statement runs. */
  readonly chunks?: number
  /** Bytes of the packed frames; absent while the statement runs. */
  readonly byteLength?: number
  /** The result was too large to store. */
  readonly isLarge?: boolean
}

/** A head as it was found, and the only chunk of a small result. */
export interface StoredHead {
  readonly head: EntryHead
  readonly inline: Buffer | undefined
}

/** Digits of the order, by which scripts in Redis compare heads. */
export const ORDER_DIGITS = 16
/** Length of a version; it follows the order. */
export const VERSION_LENGTH = 12
const CHECKSUM_AT = ORDER_DIGITS + VERSION_LENGTH
const LENGTH_AT = CHECKSUM_AT + 4
const JSON_AT = LENGTH_AT + 4

/** A head as bytes, with a checksum over its name and content. @param name under which it is stored */
export function sealHead(name: string, head: EntryHead, inline?: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(head))
  const sealed = Buffer.allocUnsafe(JSON_AT + json.byteLength + (inline?.byteLength ?? 0))
  sealed.write(String(head.order).padStart(ORDER_DIGITS, '0'), 0, 'latin1')
  sealed.write(head.version, ORDER_DIGITS, 'latin1')
  sealed.writeUInt32LE(json.byteLength, LENGTH_AT)
  sealed.set(json, JSON_AT)
  if (inline) sealed.set(inline, JSON_AT + json.byteLength)
  sealed.writeUInt32LE(checksumOf(name, sealed), CHECKSUM_AT)
  return sealed
}

/** The head that `sealHead` has sealed under this name; undefined if the bytes are others. */
export function openHead(name: string, sealed: Buffer): StoredHead | undefined {
  if (sealed.byteLength < JSON_AT || sealed.readUInt32LE(CHECKSUM_AT) !== checksumOf(name, sealed)) return undefined
  const end = JSON_AT + sealed.readUInt32LE(LENGTH_AT)
  const head = JSON.parse(sealed.toString('utf8', JSON_AT, end)) as EntryHead
  return { head, inline: end < sealed.byteLength ? sealed.subarray(end) : undefined }
}

function checksumOf(name: string, sealed: Buffer): number {
  const before = crc32(sealed.subarray(0, CHECKSUM_AT), crc32(name))
  return crc32(sealed.subarray(LENGTH_AT), before)
}
