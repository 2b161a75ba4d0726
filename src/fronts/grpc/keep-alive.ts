import { emptyBatch, hasDictionary } from '../../arrow/batches/empty-batch.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { readFlightData } from '../../arrow/ipc/flight-data.ts'
import type { Frame } from '../../arrow/ipc/frame.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import type { FrameSink } from './frame-sink.ts'

/**
 * Sends a batch without rows whenever a stream has been silent for `intervalMs`. Middleboxes between client and server close
 * silent connections and ignore HTTP/2 pings. One timer serves the whole stream.
 */
export class KeepAlive {
  readonly #sink: FrameSink
  readonly #schemaFrame: Frame
  readonly #timer: NodeJS.Timeout
  #schema: Field | null | undefined
  #waiting = false
  #batchesCame = false
  #sending: Promise<void> | undefined

  constructor(sink: FrameSink, schemaFrame: Frame, intervalMs: number) {
    this.#sink = sink
    this.#schemaFrame = schemaFrame
    this.#timer = setTimeout(() => this.#onSilence(), intervalMs)
  }

  /**
   * Waits for `next` and keeps the stream alive meanwhile.
   * @throws what `next` throws, or GatewayError as `FrameSink.send`
   */
  async until<T>(next: Promise<T>): Promise<T> {
    this.#waiting = true
    this.#timer.refresh()
    try {
      return await next
    } finally {
      this.#waiting = false
      this.#batchesCame = true
      // The next frame must not overtake the empty batch.
      if (this.#sending) await this.#sending
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #onSilence(): void {
    if (!this.#waiting || this.#sending) return
    const schema = this.#schemaOf()
    // A reader needs all dictionaries before the first batch.
    if (!schema || (!this.#batchesCame && hasDictionary(schema))) return
    this.#sending = this.#sink
      .send(emptyBatch(schema))
      // Ignore the error: a call that cannot be written has ended, which also ends the wait for the next frame.
      .catch(() => {})
      .finally(() => {
        this.#sending = undefined
        if (this.#waiting) this.#timer.refresh()
      })
  }

  /** Returns the schema, or null if the gateway cannot build a batch without rows for it. */
  #schemaOf(): Field | null {
    if (this.#schema !== undefined) return this.#schema
    this.#schema = null
    try {
      const schema = decodeSchema(readFlightData(Buffer.concat(this.#schemaFrame.chunks)).header)
      emptyBatch(schema)
      this.#schema = schema
    } catch (error) {
      if (!(error instanceof ArrowError)) throw error
    }
    return this.#schema
  }
}
