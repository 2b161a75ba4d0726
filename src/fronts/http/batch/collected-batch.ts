import {
  columnsOf,
  createRowEncoder,
  type RowEncoderOptions,
  type TextColumn,
} from '../../../arrow/text/row-encoder.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result } from '../../../query/types.ts'
import type { BatchSink, StatementOutcome } from '../../../statements/batch/batch-outcome.ts'
import { answerErrorOf } from '../answer/answer-error.ts'
import { rowLists } from '../rows/row-lists.ts'
import type { HeldBytes } from './held-bytes.ts'

/** A result as text, shared by the statements whose result it is. */
export interface CollectedRows {
  readonly columns: readonly TextColumn[]
  /** The inside of a JSON array, in pieces. */
  readonly rows: Uint8Array[]
  rowCount: number
}

/** Bounds of a batch that is answered at once. */
export interface CollectedBatchOptions {
  /** Limit of the text of all results together, in bytes. */
  readonly maxBytes: number
  readonly encoder: RowEncoderOptions
}

/** Collects the results of a batch as text, each once however many statements share it. */
export class CollectedBatch implements BatchSink {
  readonly #options: CollectedBatchOptions
  readonly #held: HeldBytes
  readonly #rows = new Map<string, CollectedRows>()
  readonly #outcomes = new Map<string, StatementOutcome>()
  #bytes = 0

  constructor(options: CollectedBatchOptions, held: HeldBytes) {
    this.#options = options
    this.#held = held
  }

  async result(ids: readonly string[], result: Result): Promise<void> {
    const collected: CollectedRows = { columns: columnsOf(result.schema), rows: [], rowCount: 0 }
    let bytes = 0
    try {
      const encoder = createRowEncoder('json', result.schema, this.#options.encoder)
      for await (const { chunks, byteLength, rows } of rowLists(result, encoder)) {
        const heldBytes = byteLength + chunks.length * CHUNK_BYTES
        this.#take(heldBytes)
        bytes += heldBytes
        if (collected.rowCount > 0) collected.rows.push(comma)
        collected.rows.push(...chunks)
        collected.rowCount += rows
      }
    } catch (error) {
      this.#give(bytes)
      throw answerErrorOf(error)
    }
    for (const id of ids) this.#rows.set(id, collected)
  }

  ended(outcome: StatementOutcome): void {
    this.#outcomes.set(outcome.id, outcome)
  }

  /** How a statement ended; undefined if it has not. */
  outcomeOf(id: string): StatementOutcome | undefined {
    return this.#outcomes.get(id)
  }

  /** The rows of a statement that succeeded. */
  rowsOf(id: string): CollectedRows | undefined {
    return this.#rows.get(id)
  }

  /** Releases the memory, once the batch has been answered or has failed. */
  close(): void {
    this.#give(this.#bytes)
    this.#rows.clear()
  }

  #take(bytes: number): void {
    if (this.#bytes + bytes > this.#options.maxBytes)
      throw new GatewayError(
        'TOO_LARGE',
        `The results of the batch are above ${this.#options.maxBytes} bytes as text (http.maxBatchResultBytes): send the batch to /api/v1/batch/stream, or ask for fewer rows.`,
      )
    this.#held.take(bytes)
    this.#bytes += bytes
  }

  #give(bytes: number): void {
    this.#held.give(bytes)
    this.#bytes -= bytes
  }
}

/** Memory of a piece of text besides its bytes. Servers may send batches of one row. */
const CHUNK_BYTES = 256
const comma = Buffer.from(',')
