import { emptyBatch, hasDictionary } from '../../arrow/empty-batch.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { readFlightData } from '../../arrow/flight-data.ts'
import type { Frame } from '../../arrow/frame.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import type { FrameSender } from './frame-sender.ts'

/**
 * Sends a batch without rows whenever a stream has been silent for so long, since boxes between client and server cut
 * silent connections and do not look at HTTP/2 pings.
 */
export class KeepAlive {
  readonly #sender: FrameSender
  readonly #intervalMs: number
  readonly #schemaFrame: Frame
  #schema: Field | null | undefined
  #batchesCame = false

  constructor(sender: FrameSender, schemaFrame: Frame, intervalMs: number) {
    this.#sender = sender
    this.#schemaFrame = schemaFrame
    this.#intervalMs = intervalMs
  }

  /**
   * Waits for what comes next, keeping the stream alive meanwhile.
   * @throws what `next` throws, or GatewayError as `FrameSender.send`
   */
  async until<T>(next: Promise<T>): Promise<T> {
    for (;;) {
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), this.#intervalMs)
      })
      const first = await Promise.race([next.then((value) => ({ value })), silence]).finally(() => clearTimeout(timer))
      if (first) {
        this.#batchesCame = true
        return first.value
      }
      const schema = this.#schemaOf()
      // A reader wants all dictionaries before the first batch.
      if (schema && (this.#batchesCame || !hasDictionary(schema))) await this.#sender.send(emptyBatch(schema))
    }
  }

  /** The schema when batches without rows can be made for it, else null. */
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
