/** Memory overhead of an entry, in bytes: the array object, its buffer's header, and the node of the LRU list. */
export const ENTRY_BYTES = 300

/** Returns the bytes in their own buffer: a small view would keep its whole underlying buffer alive. */
export function ownBytes(value: Uint8Array): Uint8Array {
  return value.buffer.byteLength === value.byteLength ? value : new Uint8Array(value)
}
