import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'

/** Checks that the schemas within the data of a result have the types of the schema that the reader got. */
export class SchemaCheck {
  readonly #schema: Buffer
  #fields: Field | undefined

  /** @param schema bare flatbuffer `Message` */
  constructor(schema: Uint8Array) {
    this.#schema = Buffer.from(schema)
  }

  /** The schema that the reader got, a bare flatbuffer `Message`. */
  get schema(): Uint8Array {
    return this.#schema
  }

  /** @param schema bare flatbuffer `Message` @throws ArrowError if it is malformed, or has other types */
  check(schema: Uint8Array): void {
    if (this.#schema.equals(schema)) return
    this.#fields ??= decodeSchema(this.#schema)
    if (!areAlike(this.#fields, decodeSchema(schema)))
      throw new ArrowError('MALFORMED', 'The schema changed in the middle of the result.')
  }
}

function areAlike(a: Field, b: Field): boolean {
  return (
    a.format === b.format &&
    !a.dictionary === !b.dictionary &&
    a.children.length === b.children.length &&
    a.children.every((child, i) => areAlike(child, b.children[i]!))
  )
}
