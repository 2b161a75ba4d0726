import type { BatchLayout } from '../../../arrow/batches/batch.ts'
import { layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { readBatchLayout, readDictionaryLayout, readHeader } from '../../../arrow/ipc/header.ts'
import type { IpcMessage } from '../../../arrow/ipc/ipc.ts'
import type { Field } from '../../../arrow/schema.ts'
import { Arena } from '../native/arena.ts'
import { type WrittenColumn, writeColumns } from '../native/arrow-array-writer.ts'
import { DuckDbError } from '../native/c-api.ts'
import { isHeldDecimal } from './value-ranges.ts'

/** A record batch that DuckDB can read for as long as it is referenced. */
export interface WrittenBatch {
  readonly columns: readonly WrittenColumn[]
  readonly rows: number
  readonly layout: BatchLayout
  readonly arena: Arena
}

/** Lays out the messages of one stream for DuckDB, and looks at all that is in them. */
export class BatchWriter {
  readonly #fields: readonly Field[]
  readonly #dictionaries = new Map<Field, WrittenColumn>()
  /** Dictionaries are read with every batch that comes after them. */
  readonly #dictionaryArenas = new Map<number, Arena>()
  #rowsBefore = 0

  /** @throws ArrowError UNSUPPORTED */
  constructor(fields: readonly Field[]) {
    this.#fields = fields
    for (const field of fields) {
      layoutPlan(field)
      refuseDecimals(field)
    }
  }

  /**
   * Takes a record batch, or a dictionary, for which it gives nothing.
   * @throws ArrowError; DuckDbError, with row and column, for a value that DuckDB cannot hold
   */
  write({ header, body }: IpcMessage): WrittenBatch | undefined {
    if (readHeader(header).kind === 'dictionary') {
      this.#takeDictionary(header, body)
      return undefined
    }
    const layout = readBatchLayout(header)
    const arena = new Arena()
    for (const dictionaries of this.#dictionaryArenas.values()) arena.share(dictionaries)
    const columns = writeColumns(this.#fields, layout, aligned(body, layout.bodyLength), this.#dictionaries, arena)
    this.#refuseFaults(columns, layout.rows)
    this.#rowsBefore += layout.rows
    return { columns, rows: layout.rows, layout, arena }
  }

  #refuseFaults(columns: readonly WrittenColumn[], rows: number): void {
    for (const [i, { fault }] of columns.entries()) {
      if (!fault) continue
      for (let row = 0; row < rows; row++) {
        const words = fault(row)
        if (words === undefined) continue
        const { name } = this.#fields[i]!
        throw new DuckDbError(
          `Out of Range Error: row ${this.#rowsBefore + row + 1}, column ${i + 1} ("${name}"): ${words}`,
        )
      }
    }
  }

  #takeDictionary(header: Uint8Array, body: Uint8Array): void {
    const { id, isDelta, layout } = readDictionaryLayout(header)
    if (isDelta) throw new ArrowError('UNSUPPORTED', 'Dictionaries that grow cannot be taken in: send whole ones.')
    const arena = new Arena()
    for (const field of dictionaryFields(this.#fields, id)) {
      const [values] = writeColumns(
        [field.dictionary!],
        layout,
        aligned(body, layout.bodyLength),
        this.#dictionaries,
        arena,
      )
      this.#dictionaries.set(field, values!)
    }
    this.#dictionaryArenas.set(id, arena)
  }
}

/**
 * Refuses decimals that DuckDB has no type for, as deep as they lie. It makes one all the same, and looks the power of ten of its
 * scale up beyond the end of a table: a divisor of 0 there ends the process.
 * @throws ArrowError UNSUPPORTED
 */
function refuseDecimals({ name, format, children, dictionary }: Field): void {
  if (format.startsWith('d:') && !isHeldDecimal(format))
    throw new ArrowError(
      'UNSUPPORTED',
      `The column "${name}" has the Arrow type ${format}: a decimal must have 1 to 38 digits, none to all of them behind the point.`,
    )
  for (const child of children) refuseDecimals(child)
  if (dictionary) refuseDecimals({ ...dictionary, name })
}

/** DuckDB reads values in place, so the body must stand at a multiple of 8. */
function aligned(body: Uint8Array, bodyLength: number): Uint8Array {
  if (body.byteLength < bodyLength) throw new ArrowError('MALFORMED', 'The body of a batch is cut short.')
  return body.byteOffset % 8 === 0 ? body : Uint8Array.from(body)
}

/** The fields, as deep as they lie, whose values are in the dictionary of this id. */
export function* dictionaryFields(fields: readonly Field[], id: number): Generator<Field> {
  for (const field of fields) {
    if (field.dictionary && field.dictionaryId === id) yield field
    yield* dictionaryFields(field.children, id)
    if (field.dictionary) yield* dictionaryFields([field.dictionary], id)
  }
}
