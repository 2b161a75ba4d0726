import { Cell, c, DuckDbError, destroy, STATE_ERROR } from '../c-api.ts'
import type { Address } from '../library.ts'

/** The statements of a text as DuckDB parses it; one statement of the text may become several. */
export class ExtractedStatements {
  /** 0 for a text that holds none, and for one that DuckDB does not understand, see `error`. */
  readonly count: number
  readonly #connection: Address
  readonly #extracted = new Cell()

  constructor(connection: Address, sql: string) {
    this.#connection = connection
    this.count = Number(c.extractStatements(connection, sql, this.#extracted.address))
  }

  /** Why DuckDB does not understand the text; null when it does. */
  get error(): string | null {
    return c.extractError(this.#extracted.value) as string | null
  }

  /** Prepares one of them, from 0 on; whoever asks destroys it. @throws DuckDbError */
  prepare(i: number): Address {
    const prepared = new Cell()
    if (c.prepareExtracted(this.#connection, this.#extracted.value, i, prepared.address) !== STATE_ERROR)
      return prepared.value
    const text = c.prepareError(prepared.value) as string | null
    destroy(c.destroyPrepare, prepared.value)
    throw new DuckDbError(text ?? 'the statement cannot be prepared')
  }

  close(): void {
    destroy(c.destroyExtracted, this.#extracted.value)
  }
}
