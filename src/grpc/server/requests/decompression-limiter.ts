/** Size of libuv's thread pool by default. */
const MAX_AT_ONCE = 4

interface Waiting {
  readonly connection: object
  readonly start: () => void
}

/**
 * Limits concurrent decompression to one message per connection and 4 in total. Waiting messages stay compressed.
 */
export class DecompressionLimiter {
  readonly #busy = new Set<object>()
  readonly #waiting: Waiting[] = []

  /** Runs a task once the limits allow. @param connection connection of the task */
  async run<T>(connection: object, task: () => Promise<T>): Promise<T> {
    if (this.#mayStart(connection)) this.#busy.add(connection)
    else await new Promise<void>((start) => this.#waiting.push({ connection, start }))
    try {
      return await task()
    } finally {
      this.#busy.delete(connection)
      this.#startNext()
    }
  }

  #mayStart(connection: object): boolean {
    return this.#busy.size < MAX_AT_ONCE && !this.#busy.has(connection)
  }

  #startNext(): void {
    const next = this.#waiting.findIndex(({ connection }) => this.#mayStart(connection))
    if (next < 0) return
    const [{ connection, start }] = this.#waiting.splice(next, 1) as [Waiting]
    this.#busy.add(connection)
    start()
  }
}
