import { encodeRecordBatch } from '../../../arrow/batches/batch.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../../async/loop-turn.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { TableField } from '../types/table-field.ts'
import { BadValue } from './bad-value.ts'
import { BodyLayout } from './columns/body-layout.ts'
import { columnsOf } from './columns/column-of.ts'
import { type NamedColumn, readCells, sumOf } from './columns/nested-columns.ts'
import { CLOSE_LIST, COMMA, JsonCursor, malformed, OPEN_LIST } from './json-cursor.ts'
import type { RowsText } from './page.ts'

/** The size at which a batch is full; a single row may be larger. */
export interface RowLimits {
  readonly batchRows: number
  readonly batchBytes: number
}

/** JSON or values that are handled before the clock is read: some tens of microseconds. */
const STEP_BYTES = 16 << 10

/**
 * Encodes rows of the REST API as record batches under the schema of `arrowSchemaOf`. Values go from the bytes of the answer to
 * the buffers of the batch, so that none is rounded on the way.
 */
export class RowEncoder {
  readonly #columns: readonly NamedColumn[]
  readonly #limits: RowLimits
  /** Rows between two looks at the clock and at the size, since a NULL of few bytes may stand for a wide STRUCT. */
  readonly #stepRows: number
  #rows = 0

  constructor(fields: readonly TableField[], limits: RowLimits) {
    this.#columns = columnsOf(fields)
    this.#limits = limits
    const bytesPerRow = sumOf(this.#columns, (column) => column.bytesPerRow)
    this.#stepRows = Math.max(1, Math.floor(STEP_BYTES / Math.max(bytesPerRow, 1)))
  }

  /**
   * Yields the rows of one page as batches; rows are counted over all pages for messages. Pages must be encoded one at a time. The
   * event loop turns in between.
   * @throws GatewayError UPSTREAM_DATA that names row and column; UNSUPPORTED_TYPE for a sound value that Arrow cannot express
   */
  async *encode({ bytes, from, to }: RowsText): AsyncGenerator<readonly Frame[], void, undefined> {
    const { batchRows, batchBytes } = this.#limits
    const cursor = new JsonCursor(bytes, from, to)
    const turn = new LoopTurn(1)
    if (from === to) return
    this.#attempt(() => cursor.expect(OPEN_LIST))
    let rows = 0
    let isOpen = !cursor.take(CLOSE_LIST)
    while (isOpen) {
      const pause = turn.next()
      if (pause) await pause
      const read = this.#attempt(() => this.#step(cursor, batchRows - rows))
      rows += read.rows
      isOpen = read.isOpen
      const isFull = rows >= batchRows || sumOf(this.#columns, (column) => column.byteLength) >= batchBytes
      if (!isFull && isOpen) continue
      yield [this.#flush(rows)]
      rows = 0
      turn.reset()
    }
  }

  /** Reads some rows. @returns whether there are more */
  #step(cursor: JsonCursor, maxRows: number): { readonly rows: number; readonly isOpen: boolean } {
    const stop = cursor.at + STEP_BYTES
    const most = Math.min(maxRows, this.#stepRows)
    let rows = 0
    while (rows < most && cursor.at < stop) {
      readCells(cursor, this.#columns)
      rows++
      this.#rows++
      if (cursor.take(COMMA)) continue
      cursor.expect(CLOSE_LIST)
      if (cursor.peek() !== 0) throw malformed()
      return { rows, isOpen: false }
    }
    return { rows, isOpen: true }
  }

  #flush(rows: number): Frame {
    const layout = new BodyLayout()
    for (const { column } of this.#columns) column.addTo(layout)
    const frame = frameOf(encodeRecordBatch(layout.layout(rows)), layout.body(), rows)
    for (const { column } of this.#columns) column.reset()
    return frame
  }

  #attempt<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof BadValue) throw this.#failure(error)
      throw error
    }
  }

  #failure(cause: BadValue): GatewayError {
    const where = cause.path.length > 0 ? `, column "${cause.path.join('.')}"` : ''
    if (!cause.isUnsupported)
      return new GatewayError(
        'UPSTREAM_DATA',
        `BigQuery sent a malformed row: row ${this.#rows + 1}${where} ${cause.message}.`,
        {
          cause,
        },
      )
    const text = `Row ${this.#rows + 1}${where} ${cause.message}: cast it, for example to STRING.`
    return new GatewayError('UNSUPPORTED_TYPE', text, { cause })
  }
}
