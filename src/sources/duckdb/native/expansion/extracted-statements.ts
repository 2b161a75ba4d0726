import { Cell, c, DuckDbError, destroy, STATE_ERROR } from '../c-api.ts'
import type { Address } from '../library.ts'

/** The statements into which DuckDB splits a text; it may expand one statement into several. */
export class ExtractedStatements {
  /** 0 when the text holds no statement or DuckDB cannot parse it, see `error`. */
  readonly count: number
  readonly #connection: Address
  readonly #extracted = new Cell()

  constructor(connection: Address, sql: string) {
    this.#connection = connection
    this.count = Number(c.extractStatements(connection, sql, this.#extracted.address))
  }

  /** The parse error; null when DuckDB parsed the text. */
  get error(): string | null {
    return c.extractError(this.#extracted.value) as string | null
  }

  /** Prepares one of the statements, counted from 0. The caller destroys it. @throws DuckDbError */
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
