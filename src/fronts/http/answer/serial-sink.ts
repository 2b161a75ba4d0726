import type { AnswerWriter } from './answer-writer.ts'

/** Where the bytes of an answer go that several results share. */
export interface ByteSink {
  /**
   * Writes pieces without anything between them, and waits until the client has taken them.
   * @throws GatewayError why the call has failed, such as CANCELLED or STALLED
   */
  write(pieces: readonly Uint8Array[]): Promise<void>
}

/** Passes the writes of several results to one answer, one after another in the order of their calls. */
export class SerialSink implements ByteSink {
  readonly #writer: AnswerWriter
  #last: Promise<void> = Promise.resolve()

  constructor(writer: AnswerWriter) {
    this.#writer = writer
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    const written = this.#last.then(() => this.#writer.write(...pieces))
    this.#last = written.catch(() => {})
    return written
  }

  /** Settles when all has been written or has failed. */
  async drained(): Promise<void> {
    await this.#last
  }
}
