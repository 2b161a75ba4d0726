import type { ReadScope, Snapshot } from '../changes/change-log.ts'
import { isSealOf, type RowsKey, SEAL_BYTES, writeSeal } from './rows-key.ts'

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
const SEAL_AT = ORDER_DIGITS + VERSION_LENGTH
const LENGTH_AT = SEAL_AT + SEAL_BYTES
const JSON_AT = LENGTH_AT + 4

/** A head as bytes that only who has the key can make or change. @param name under which it is stored */
export function sealHead(key: RowsKey, name: string, head: EntryHead, inline?: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(head))
  const sealed = Buffer.allocUnsafe(JSON_AT + json.byteLength + (inline?.byteLength ?? 0))
  sealed.write(String(head.order).padStart(ORDER_DIGITS, '0'), 0, 'latin1')
  sealed.write(head.version, ORDER_DIGITS, 'latin1')
  sealed.writeUInt32LE(json.byteLength, LENGTH_AT)
  sealed.set(json, JSON_AT)
  if (inline) sealed.set(inline, JSON_AT + json.byteLength)
  writeSeal(key, name, sealed, SEAL_AT)
  return sealed
}

/** The head that `sealHead` has sealed under this name; undefined if the bytes are others. */
export function openHead(key: RowsKey, name: string, sealed: Buffer): StoredHead | undefined {
  if (sealed.byteLength < JSON_AT || !isSealOf(key, name, sealed, SEAL_AT)) return undefined
  const end = JSON_AT + sealed.readUInt32LE(LENGTH_AT)
  const head = JSON.parse(sealed.toString('utf8', JSON_AT, end)) as EntryHead
  return { head, inline: end < sealed.byteLength ? sealed.subarray(end) : undefined }
}
