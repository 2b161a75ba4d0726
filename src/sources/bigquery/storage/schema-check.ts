import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { schemaDifference } from '../types/same-schema.ts'

/** Checks that batches under the schemas within the data of a result can be sent under the schema that the reader got. */
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

  /** @param schema bare flatbuffer `Message` @throws ArrowError if it is malformed, or its batches have other types */
  check(schema: Uint8Array): void {
    if (this.#schema.equals(schema)) return
    this.#fields ??= decodeSchema(this.#schema)
    const difference = schemaDifference(this.#fields, decodeSchema(schema))
    if (difference !== undefined)
      throw new ArrowError('MALFORMED', `The schema changed in the middle of the result: ${difference}.`)
  }
}
