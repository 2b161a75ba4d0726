import type { Field } from '../../../arrow/schema.ts'
import type { PlannedSql } from '../../../query/types.ts'
import { schemaDigest, type WireSchema } from './wire-schema-cache.ts'

/** The tables of a statement have changed since the client was given the result's schema. */
export class SchemaChangedError extends Error {
  override readonly name = 'SchemaChangedError'
}

/**
 * The schema that a client is given for a statement: when it is planned, or with its first result. All later schemas must
 * match it.
 */
export class AnnouncedSchema {
  readonly #encode: (schema: Field) => WireSchema
  readonly #send: (schema: Uint8Array) => void
  #digest: string | undefined
  #isSent: boolean

  /**
   * @param encode encodes a schema as the client gets it
   * @param digest digest of the schema that was promised to the client, if any
   * @param isSent whether the reader of the result has that schema already
   * @param send sends the schema message to the reader
   */
  constructor(
    encode: (schema: Field) => WireSchema,
    digest: string | undefined,
    isSent: boolean,
    send: (schema: Uint8Array) => void,
  ) {
    this.#encode = encode
    this.#digest = digest
    this.#isSent = isSent
    this.#send = send
  }

  /** Whether a schema matches the promised or sent one, if any. */
  matches(schema: Field): boolean {
    return this.#digest === undefined || this.#encode(schema).digest === this.#digest
  }

  /** Sends the schema unless the reader has it. @returns false when it differs from the promised or sent one */
  checkAndSend(schema: Field): boolean {
    const { message, digest } = this.#encode(schema)
    if (this.#digest !== undefined && this.#digest !== digest) return false
    this.#digest = digest
    if (!this.#isSent) this.#send(message)
    this.#isSent = true
    return true
  }
}

/** Digest of the schema that the client was given; undefined when it was given none. */
export function promisedDigest({ handle, schema }: PlannedSql): string | undefined {
  if (handle) return Buffer.from(handle).toString('hex')
  return schema && schema.byteLength > 0 ? schemaDigest(schema) : undefined
}
