import type { ByteSink } from '../answer/serial-sink.ts'
import { sseEvent, sseHeartbeat } from './sse-encoder.ts'

/** Content type of server-sent events. */
export const EVENT_STREAM_TYPE = 'text/event-stream; charset=utf-8'

/**
 * A stream of server-sent events. Ids are the stream's name and a number from 1. While the client does not read, nothing more is
 * written; while there is nothing to write, a heartbeat is written at the interval.
 */
export class EventStream {
  readonly #sink: ByteSink
  readonly #name: string
  readonly #timer: NodeJS.Timeout
  #count = 0
  #pendingWrites = 0
  #lastWriteAt = performance.now()

  /**
   * @param name of the stream, such as the request id
   * @param onTick called now and then while the client reads, for events that are due by time
   */
  constructor(sink: ByteSink, name: string, heartbeatMs: number, onTick?: (events: EventStream) => void) {
    this.#sink = sink
    this.#name = name
    this.#timer = setInterval(() => this.#tick(heartbeatMs, onTick), Math.min(TICK_MS, heartbeatMs)).unref()
  }

  /** Writes an event. @param data UTF-8 text in pieces. @throws as `ByteSink.write` */
  async send(event: string, data: readonly Uint8Array[]): Promise<void> {
    this.#count++
    await this.#write(sseEvent(event, `${this.#name}:${this.#count}`, data))
  }

  /** Writes an event with a value as JSON. @throws as `ByteSink.write` */
  async sendJson(event: string, value: unknown): Promise<void> {
    await this.send(event, [Buffer.from(JSON.stringify(value))])
  }

  /** Ends the heartbeat. */
  close(): void {
    clearInterval(this.#timer)
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    this.#pendingWrites++
    try {
      await this.#sink.write(pieces)
    } finally {
      this.#pendingWrites--
      this.#lastWriteAt = performance.now()
    }
  }

  #tick(heartbeatMs: number, onTick: ((events: EventStream) => void) | undefined): void {
    if (this.#pendingWrites > 0) return
    onTick?.(this)
    if (this.#pendingWrites > 0 || performance.now() - this.#lastWriteAt < heartbeatMs) return
    // A client that has left is noticed by the next event.
    this.#write([sseHeartbeat]).catch(() => {})
  }
}

const TICK_MS = 1000
