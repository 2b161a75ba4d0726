import { LoopTurn } from '../../async/loop-turn.ts'
import type { EncodedRows, RowForm } from './row-form.ts'
import { type LongValue, sink } from './text-sink.ts'
import { doubleQuotes } from './values/csv-fields.ts'

const QUOTE = 34

/** Writes a row with long values in pieces. Between them other encoders use the sink, and the event loop turns. */
export class LongRow {
  readonly #form: RowForm
  readonly #maxRowBytes: number
  readonly #turn = new LoopTurn(1)
  #writtenBytes = 0
  /** Whether the text so far ends within a CSV field in quotes. */
  #isInQuotes = false

  constructor(form: RowForm, maxRowBytes: number) {
    this.#form = form
    this.#maxRowBytes = maxRowBytes
  }

  /**
   * The row, which is counted in its last piece.
   * @param text of the row without its long values
   * @param values with positions in `text`
   * @throws ArrowError ROW_TOO_LARGE, MALFORMED
   */
  async *pieces(text: Uint8Array, values: readonly LongValue[]): AsyncGenerator<EncodedRows, void, undefined> {
    const end = values.at(-1)!.at
    for await (const bytes of this.#parts(text.subarray(0, end), values)) {
      this.#writtenBytes += bytes.length
      yield { bytes, rows: 0, cut: this.#cutAfter(bytes) }
    }
    yield { bytes: text.subarray(end), rows: 1 }
  }

  /** A text with the long values at their places. No part is empty. */
  async *#parts(text: Uint8Array, values: readonly LongValue[]): AsyncGenerator<Uint8Array, void, undefined> {
    let from = 0
    for (const value of values) {
      if (value.at > from) yield text.subarray(from, value.at)
      from = value.at
      yield* this.#partsOf(value)
    }
    if (text.length > from) yield text.subarray(from)
  }

  async *#partsOf({ steps, isInCsvField }: LongValue): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const pause = this.#turn.next()
      if (pause) await pause
      sink.beginWithin(this.#form.rowBytes, this.#maxRowBytes, this.#writtenBytes)
      const { done, value: to } = steps.next()
      if (done) return
      const end = isInCsvField ? doubleQuotes(0, to, 0) : to
      sink.checkRow(end)
      const { longValues } = sink
      yield* this.#parts(sink.take(end), longValues)
    }
  }

  #cutAfter(bytes: Uint8Array): Uint8Array {
    const { isCsv, lineEnd } = this.#form
    if (!isCsv) return lineEnd
    for (let at = bytes.indexOf(QUOTE); at >= 0 && at < bytes.length; at++)
      if (bytes[at] === QUOTE) this.#isInQuotes = !this.#isInQuotes
    return this.#isInQuotes ? Buffer.concat([Buffer.of(QUOTE), lineEnd]) : lineEnd
  }
}
