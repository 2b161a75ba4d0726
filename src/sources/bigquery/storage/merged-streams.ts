import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { StreamReader } from './stream-reader.ts'

/** Bounds of a merge. */
export interface MergeBounds {
  /** Streams that are read at the same time; 1 keeps the order of the streams. */
  readonly maxStreams: number
  /** Bytes of messages in memory: those that wait for the reader, and those that the reader has. One message may be larger. */
  readonly maxBytes: number
}

/**
 * Reads several streams at the same time and returns their frames in the order of arrival. A stream is asked for its next message
 * only while the messages in memory, and those that were asked for, fit into the bound; the windows of HTTP/2 then hold the
 * server back.
 */
export class MergedStreams implements AsyncIterator<readonly Frame[]> {
  readonly #streams: readonly StreamReader[]
  readonly #bounds: MergeBounds
  readonly #cancel: AbortController
  /** Streams that are open and not asked for a message now, the one that was asked longest ago first. */
  readonly #idle: StreamReader[] = []
  #opened = 0
  #ended = 0
  #asked = 0
  /** Expected bytes of the messages that were asked for. */
  #askedBytes = 0
  #ready: Frame[] = []
  #readyBytes = 0
  /** Bytes of the frames that the reader got last and may still hold. */
  #givenBytes = 0
  #failure: { readonly error: unknown } | undefined
  #isOver = false
  #wake: (() => void) | undefined

  /** @param cancel ends the streams' calls, also those that wait for a connection or another attempt */
  constructor(streams: readonly StreamReader[], bounds: MergeBounds, cancel: AbortController) {
    this.#streams = streams
    this.#bounds = bounds
    this.#cancel = cancel
  }

  /** Progress over all streams, from 0 to 1. */
  get progress(): number {
    if (this.#streams.length === 0) return 1
    return this.#streams.reduce((sum, { progress }) => sum + progress, 0) / this.#streams.length
  }

  /** Bytes of frames in memory that were not yet returned. */
  get bufferedBytes(): number {
    return this.#readyBytes
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    this.#givenBytes = 0
    for (;;) {
      if (this.#isOver) return { done: true, value: undefined }
      if (this.#ready.length > 0) return { done: false, value: this.#takeReady() }
      if (this.#failure) {
        await this.return()
        throw this.#failure.error
      }
      if (this.#ended === this.#streams.length) {
        this.#isOver = true
        continue
      }
      this.#ask()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends all streams at the server and releases the frames that wait. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#isOver = true
    for (const { release } of this.#ready.splice(0)) release?.()
    this.#readyBytes = 0
    this.#cancel.abort(new GatewayError('CANCELLED', 'The reader left before the end.'))
    await Promise.all(this.#streams.slice(0, this.#opened).map((stream) => stream.return()))
    this.#wakeUp()
    return { done: true, value: undefined }
  }

  #takeReady(): readonly Frame[] {
    const frames = this.#ready
    this.#givenBytes = this.#readyBytes
    this.#ready = []
    this.#readyBytes = 0
    this.#ask()
    return frames
  }

  /** Asks streams for their next messages, as many as the bounds allow. */
  #ask(): void {
    while (!this.#isOver && !this.#failure) {
      const stream = this.#idle[0] ?? this.#nextClosed()
      if (!stream || !this.#fits(stream.expectedBytes)) return
      if (stream === this.#idle[0]) this.#idle.shift()
      else this.#opened++
      this.#asked++
      this.#askedBytes += stream.expectedBytes
      void this.#read(stream, stream.expectedBytes)
    }
  }

  /** The next stream that is not open yet, if one more may be. */
  #nextClosed(): StreamReader | undefined {
    return this.#opened - this.#ended < this.#bounds.maxStreams ? this.#streams[this.#opened] : undefined
  }

  #fits(bytes: number): boolean {
    const held = this.#readyBytes + this.#givenBytes + this.#askedBytes
    return held + bytes <= this.#bounds.maxBytes || (this.#asked === 0 && this.#ready.length === 0)
  }

  async #read(stream: StreamReader, expectedBytes: number): Promise<void> {
    try {
      const message = await stream.next()
      if (message && this.#isOver) for (const { release } of message.frames) release?.()
      else if (message) {
        this.#ready.push(...message.frames)
        this.#readyBytes += message.byteLength
        this.#idle.push(stream)
      } else this.#ended++
    } catch (error) {
      this.#failure ??= { error }
    } finally {
      this.#asked--
      this.#askedBytes -= expectedBytes
    }
    this.#ask()
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
