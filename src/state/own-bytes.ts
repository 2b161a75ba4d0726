/** What an entry takes besides its key and its bytes: the array, its memory's head, the place in the list. */
export const ENTRY_BYTES = 300

/** The bytes in memory of their own: a small view would keep the whole block alive that it is cut from. */
export function ownBytes(value: Uint8Array): Uint8Array {
  return value.buffer.byteLength === value.byteLength ? value : new Uint8Array(value)
}
