import { hash } from 'node:crypto'
import { encodeSchema, type Field } from '../../../arrow/schema.ts'
import { factsOf, withFacts } from './column-metadata.ts'
import { wireSchema } from './wire-schema.ts'

const MAX_KNOWN_BYTES = 1 << 20
/** Hexadecimal digits of a digest: nobody makes two schemas that share one. */
const DIGEST_DIGITS = 32

/** A schema as clients get it. */
export interface WireSchema {
  /** A bare flatbuffer `Message`. */
  readonly message: Uint8Array
  /** Stands for it where there is no room for it, see `schemaDigest`. */
  readonly digest: string
}

/** What stands for an encoded schema in tickets, in hexadecimal digits. */
export function schemaDigest(message: Uint8Array): string {
  return hash('sha256', message, 'hex').slice(0, DIGEST_DIGITS)
}

/**
 * Encodes the schemas of results as clients get them: each column with what Flight SQL tells of it. A statement gives the
 * same each time it runs, so they are kept; all are dropped when they become many.
 */
export class WireSchemaCache {
  readonly #readOnly: boolean
  readonly #known = new Map<string, WireSchema>()
  #bytes = 0

  /** @param readOnly whether no column can be written to */
  constructor(readOnly: boolean) {
    this.#readOnly = readOnly
  }

  /**
   * @param schema as DuckDB's lossless conversion gives it
   * @param losslessTypes whether its extension types stay, see `wireSchema`
   * @throws ArrowError UNSUPPORTED
   */
  encode(schema: Field, losslessTypes: boolean): WireSchema {
    const key = `${losslessTypes} ${JSON.stringify(schema)}`
    const known = this.#known.get(key)
    if (known) return known
    const { children: fields } = wireSchema(schema, losslessTypes)
    const children = fields.map((field, i) =>
      withFacts(field, factsOf(schema.children[i]!, field.format, this.#readOnly)),
    )
    const message = encodeSchema({ ...schema, children })
    const encoded = { message, digest: schemaDigest(message) }
    this.#keep(key, encoded)
    return encoded
  }

  #keep(key: string, encoded: WireSchema): void {
    const bytes = 2 * key.length + encoded.message.byteLength
    if (this.#bytes + bytes > MAX_KNOWN_BYTES) {
      this.#known.clear()
      this.#bytes = 0
    }
    if (bytes > MAX_KNOWN_BYTES) return
    this.#known.set(key, encoded)
    this.#bytes += bytes
  }
}
