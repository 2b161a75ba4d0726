import { encodeSchema, type Field } from '../../arrow/schema.ts'
import { factsOf, withFacts } from './column-facts.ts'
import { wireSchema } from './wire-schema.ts'

const MAX_KNOWN_BYTES = 1 << 20

/**
 * Encodes the schemas of results as clients get them: each column with what Flight SQL tells of it. A statement gives the
 * same each time it runs, so they are kept; all are dropped when they become many.
 */
export class WireSchemas {
  readonly #readOnly: boolean
  readonly #known = new Map<string, Uint8Array>()
  #bytes = 0

  /** @param readOnly whether no column can be written to */
  constructor(readOnly: boolean) {
    this.#readOnly = readOnly
  }

  /** The schema as a bare flatbuffer `Message`. @throws ArrowError UNSUPPORTED */
  encode(schema: Field): Uint8Array {
    const key = JSON.stringify(schema)
    const known = this.#known.get(key)
    if (known) return known
    const children = wireSchema(schema).children.map((field) => withFacts(field, factsOf(field, this.#readOnly)))
    const message = encodeSchema({ ...schema, children })
    this.#keep(key, message)
    return message
  }

  #keep(key: string, message: Uint8Array): void {
    const bytes = 2 * key.length + message.byteLength
    if (this.#bytes + bytes > MAX_KNOWN_BYTES) {
      this.#known.clear()
      this.#bytes = 0
    }
    if (bytes > MAX_KNOWN_BYTES) return
    this.#known.set(key, message)
    this.#bytes += bytes
  }
}
