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

/** A record batch that DuckDB can read as long as it is referenced. */
export interface WrittenBatch {
  readonly columns: readonly WrittenColumn[]
  readonly rows: number
  readonly layout: BatchLayout
  readonly arena: Arena
}

/** Lays out the messages of one stream for DuckDB, and validates all their content. */
export class BatchWriter {
  readonly #fields: readonly Field[]
  readonly #dictionaries = new Map<Field, WrittenColumn>()
  /** The memory of the dictionaries, which DuckDB reads with every later batch. */
  readonly #dictionaryArenas = new Map<number, Arena>()
  #rowsWritten = 0

  /** @throws ArrowError UNSUPPORTED */
  constructor(fields: readonly Field[]) {
    this.#fields = fields
    for (const field of fields) {
      layoutPlan(field)
      checkDecimals(field)
    }
  }

  /**
   * Lays out a record batch, or keeps a dictionary for later batches.
   * @returns the batch; undefined for a dictionary
   * @throws ArrowError; DuckDbError, with row and column, for a value that DuckDB cannot hold
   */
  write({ header, body }: IpcMessage): WrittenBatch | undefined {
    if (readHeader(header).kind === 'dictionary') {
      this.#writeDictionary(header, body)
      return undefined
    }
    const layout = readBatchLayout(header)
    const arena = new Arena()
    for (const dictionaries of this.#dictionaryArenas.values()) arena.share(dictionaries)
    const columns = writeColumns(this.#fields, layout, aligned(body, layout.bodyLength), this.#dictionaries, arena)
    this.#checkFaults(columns, layout.rows)
    this.#rowsWritten += layout.rows
    return { columns, rows: layout.rows, layout, arena }
  }

  #checkFaults(columns: readonly WrittenColumn[], rows: number): void {
    for (const [i, { fault }] of columns.entries()) {
      if (!fault) continue
      for (let row = 0; row < rows; row++) {
        const reason = fault(row)
        if (reason === undefined) continue
        const { name } = this.#fields[i]!
        throw new DuckDbError(
          `Out of Range Error: row ${this.#rowsWritten + row + 1}, column ${i + 1} ("${name}"): ${reason}`,
        )
      }
    }
  }

  #writeDictionary(header: Uint8Array, body: Uint8Array): void {
    const { id, isDelta, layout } = readDictionaryLayout(header)
    if (isDelta) throw new ArrowError('UNSUPPORTED', 'Dictionaries that grow cannot be ingested: send whole ones.')
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
 * Refuses decimals without a DuckDB type, at any depth. DuckDB would still create one and look up its scale's power of ten
 * beyond the end of a table: a divisor of 0 there crashes the process.
 * @throws ArrowError UNSUPPORTED
 */
function checkDecimals({ name, format, children, dictionary }: Field): void {
  if (format.startsWith('d:') && !isHeldDecimal(format))
    throw new ArrowError(
      'UNSUPPORTED',
      `The column "${name}" has the Arrow type ${format}: a decimal must have 1 to 38 digits, 0 to all of them after the point.`,
    )
  for (const child of children) checkDecimals(child)
  if (dictionary) checkDecimals({ ...dictionary, name })
}

/** DuckDB reads values in place, so the body must be aligned to 8 bytes. */
function aligned(body: Uint8Array, bodyLength: number): Uint8Array {
  if (body.byteLength < bodyLength) throw new ArrowError('MALFORMED', 'The body of a batch is cut short.')
  return body.byteOffset % 8 === 0 ? body : Uint8Array.from(body)
}

/** The fields, at any depth, that use the dictionary with this id. */
export function* dictionaryFields(fields: readonly Field[], id: number): Generator<Field> {
  for (const field of fields) {
    if (field.dictionary && field.dictionaryId === id) yield field
    yield* dictionaryFields(field.children, id)
    if (field.dictionary) yield* dictionaryFields([field.dictionary], id)
  }
}
