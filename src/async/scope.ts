/**
 * Closes resources together, in the reverse order of opening. It stands in for `AsyncDisposableStack`, which Node.js has from
 * version 24 on.
 */
export class Scope {
  readonly #closers: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  /** Registers a function to call when the scope closes. @throws Error when the scope has been closed */
  defer(close: () => unknown): void {
    if (this.#closing) throw new Error('the scope is closed')
    this.#closers.push(close)
  }

  /**
   * Calls the registered functions one at a time, the last first; further calls wait for the same close.
   * @throws the error of a failed function (an AggregateError for several), after all have been called
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
    if (errors.length > 1) throw new AggregateError(errors, 'several resources could not be closed')
  }
}
