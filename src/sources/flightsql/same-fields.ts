import { ArrowError } from '../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'

/**
 * Whether batches of one schema can be read by the other: the same types in the same order. Names of nested fields, what may be
 * null and metadata are for people.
 * @param a bare flatbuffer `Message`, as `b`
 */
export function haveSameFields(a: Uint8Array, b: Uint8Array): boolean {
  if (Buffer.compare(a, b) === 0) return true
  try {
    return areAlike(decodeSchema(a), decodeSchema(b))
  } catch (error) {
    if (error instanceof ArrowError) return false
    throw error
  }
}

function areAlike(a: Field, b: Field): boolean {
  if (a.format !== b.format || a.children.length !== b.children.length) return false
  if (!a.children.every((child, i) => areAlike(child, b.children[i]!))) return false
  return a.dictionary && b.dictionary ? areAlike(a.dictionary, b.dictionary) : a.dictionary === b.dictionary
}
