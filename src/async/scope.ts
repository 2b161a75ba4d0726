/**
 * Things that were opened one after another and are closed together, in the opposite order.
 * It is what `AsyncDisposableStack` is, which Node.js has from version 24 on.
 */
export class Scope {
  readonly #closers: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  /** Registers what the scope calls when it closes. @throws Error when the scope has been closed */
  defer(close: () => unknown): void {
    if (this.#closing) throw new Error('the scope is closed')
    this.#closers.push(close)
  }

  /**
   * Closes everything, the last first, each once the one before has ended; further calls wait for the same.
   * @throws what closing one of them threw (an AggregateError for several), once all have been closed
   */
  disposeAsync(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const errors: unknown[] = []
    for (const close of this.#closers.reverse())
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several things could not be closed')
  }
}
