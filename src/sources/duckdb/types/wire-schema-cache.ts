import { hash } from 'node:crypto'
import { encodeSchema, type Field } from '../../../arrow/schema.ts'
import { metadataOf, withMetadata } from './column-metadata.ts'
import type { TypeForm } from './plain-type.ts'
import { wireSchema } from './wire-schema.ts'

const MAX_CACHED_BYTES = 1 << 20
/** Hexadecimal digits of a digest: 128 bits, so collisions are infeasible. */
const DIGEST_DIGITS = 32

/** A schema, encoded as clients get it. */
export interface WireSchema {
  /** A bare flatbuffer `Message`. */
  readonly message: Uint8Array
  /** Identifies the schema where the message is too large, see `schemaDigest`. */
  readonly digest: string
}

/** The digest that identifies an encoded schema in tickets, in hexadecimal digits. */
export function schemaDigest(message: Uint8Array): string {
  return hash('sha256', message, 'hex').slice(0, DIGEST_DIGITS)
}

/**
 * Encodes the schemas of results as clients get them, with Flight SQL column metadata. A statement has the same schema each
 * time it runs, so the cache keeps them. It drops all entries when they exceed `MAX_CACHED_BYTES`.
 */
export class WireSchemaCache {
  readonly #readOnly: boolean
  readonly #cache = new Map<string, WireSchema>()
  #bytes = 0

  /** @param readOnly whether no column can be written to */
  constructor(readOnly: boolean) {
    this.#readOnly = readOnly
  }

  /**
   * Encodes a schema.
   * @param schema as DuckDB's lossless conversion gives it
   * @param form see `wireSchema`
   * @throws ArrowError UNSUPPORTED
   */
  encode(schema: Field, form: TypeForm): WireSchema {
    const key = `${form.losslessTypes} ${form.dictionaries} ${JSON.stringify(schema)}`
    const cached = this.#cache.get(key)
    if (cached) return cached
    const { children: fields } = wireSchema(schema, form)
    const children = fields.map((field, i) =>
      withMetadata(field, metadataOf(schema.children[i]!, field.format, this.#readOnly)),
    )
    const message = encodeSchema({ ...schema, children })
    const encoded = { message, digest: schemaDigest(message) }
    this.#store(key, encoded)
    return encoded
  }

  #store(key: string, encoded: WireSchema): void {
    const bytes = 2 * key.length + encoded.message.byteLength
    if (this.#bytes + bytes > MAX_CACHED_BYTES) {
      this.#cache.clear()
      this.#bytes = 0
    }
    if (bytes > MAX_CACHED_BYTES) return
    this.#cache.set(key, encoded)
    this.#bytes += bytes
  }
}
