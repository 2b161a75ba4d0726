import type { BatchLayout } from '../batches/batch.ts'
import { ArrowError } from '../errors.ts'

/** Bound on the dictionaries of one result, which a source could let grow by one delta after the other. */
const MAX_BYTES = 512 << 20

/** A dictionary batch, or the values that a delta has appended. */
export interface DictionaryPart {
  readonly layout: BatchLayout
  readonly body: Uint8Array
}

/** The dictionaries that a result has sent so far. */
export class Dictionaries {
  readonly #parts = new Map<number, DictionaryPart[]>()
  #byteLength = 0

  /** Replaces a dictionary or appends to it. @throws ArrowError UNSUPPORTED when all of them are too large */
  add(id: number, part: DictionaryPart, isDelta: boolean): void {
    const known = this.#parts.get(id) ?? []
    if (!isDelta) {
      for (const { body } of known) this.#byteLength -= body.byteLength
      known.length = 0
    }
    known.push(part)
    this.#parts.set(id, known)
    this.#byteLength += part.body.byteLength
    if (this.#byteLength > MAX_BYTES)
      throw new ArrowError('UNSUPPORTED', `The dictionaries of the result take more than ${MAX_BYTES} bytes.`)
  }

  /** The parts of a dictionary, in the order of their values; none if the source has sent none. */
  partsOf(id: number): readonly DictionaryPart[] {
    return this.#parts.get(id) ?? []
  }
}
