import type { Field } from '../../../arrow/schema.ts'
import type { PlannedSql } from '../../../query/types.ts'
import { schemaDigest, type WireSchema } from './wire-schema-cache.ts'

/** The tables of a statement have changed since its client was told of its result. */
export class SchemaChangedError extends Error {
  override readonly name = 'SchemaChangedError'
}

/** The one schema that a client is told of a statement, before it runs or by its first result. */
export class AnnouncedSchema {
  readonly #encode: (schema: Field) => WireSchema
  readonly #tell: (schema: Uint8Array) => void
  #digest: string | undefined
  #isTold: boolean

  /**
   * @param encode the schema as the client gets it
   * @param digest of the schema that was promised to the client, if one was
   * @param isTold whether the result's reader has that schema already
   */
  constructor(
    encode: (schema: Field) => WireSchema,
    digest: string | undefined,
    isTold: boolean,
    tell: (schema: Uint8Array) => void,
  ) {
    this.#encode = encode
    this.#digest = digest
    this.#isTold = isTold
    this.#tell = tell
  }

  /** Whether a schema is what was promised or told, if anything was. */
  allows(schema: Field): boolean {
    return this.#digest === undefined || this.#encode(schema).digest === this.#digest
  }

  /** Tells the schema unless that has been done. @returns false for another one than was promised or told */
  tellOnce(schema: Field): boolean {
    const { message, digest } = this.#encode(schema)
    if (this.#digest !== undefined && this.#digest !== digest) return false
    this.#digest = digest
    if (!this.#isTold) this.#tell(message)
    this.#isTold = true
    return true
  }
}

/** Digest of the schema that the client was told; undefined when it was told none. */
export function promisedDigest({ handle, schema }: PlannedSql): string | undefined {
  if (handle) return Buffer.from(handle).toString('hex')
  return schema && schema.byteLength > 0 ? schemaDigest(schema) : undefined
}
