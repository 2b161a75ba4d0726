/** The calls of `Store`, `Blobs` and `Bus` as messages from a worker to the process that holds the state. */
export interface StateCalls {
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array, ttlMs: number): void
  setIfAbsent(key: string, value: Uint8Array, ttlMs: number): boolean
  touch(key: string, ttlMs: number): boolean
  delete(key: string): void
  increment(key: string, by: number, ttlMs: number): number
  addMember(key: string, member: string, ttlMs: number, maxMembers: number): boolean
  removeMember(key: string, member: string): void
  members(key: string, max: number): readonly string[]
  /** A piece of a blob from `offset` on; undefined if there is no blob, or no longer the one with this version. */
  readBlob(key: string, offset: number, version: number | undefined): BlobPiece | undefined
  /** Adds a piece to an upload of the worker; the first one creates the upload. */
  addToUpload(upload: number, totalBytes: number, piece: Uint8Array): void
  /** Stores a complete upload as a blob. */
  endUpload(upload: number, key: string, ttlMs: number, owner: string): void
  publish(topic: string, message: string): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
}

/** A part of a blob. */
export interface BlobPiece {
  readonly totalBytes: number
  /** Differs between the values that a key has one after another. */
  readonly version: number
  readonly piece: Uint8Array
}

export type StateCallName = keyof StateCalls

/** A call. */
export interface StateRequest {
  readonly id: number
  readonly call: StateCallName
  readonly args: readonly unknown[]
}

/** The answer to a call, or a message of the bus. */
export type StateReply =
  | { readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly topic: string; readonly message: string }

/**
 * Largest piece of a blob in one message, in bytes. Writing and reading one takes each process less than a millisecond, so that
 * a large blob delays neither the calls of others nor the event loop.
 */
export const PIECE_BYTES = 256 << 10
