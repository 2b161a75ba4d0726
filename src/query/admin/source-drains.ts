import { GatewayError } from '../errors.ts'

/** How long a client should wait before it tries a drained source again, in milliseconds. */
const RETRY_AFTER_MS = 10_000

/** The sources that take no new statements in this process, because an operator drains them. Forgotten when the process ends. */
export class SourceDrains {
  readonly #drained = new Set<string>()

  /** @param source name of the source in the configuration */
  set(source: string, isDrained: boolean): void {
    if (isDrained) this.#drained.add(source)
    else this.#drained.delete(source)
  }

  has(source: string): boolean {
    return this.#drained.has(source)
  }

  /** @throws GatewayError SOURCE_DRAINING if the source takes no new statements */
  admit(source: string): void {
    if (this.#drained.size === 0 || !this.#drained.has(source)) return
    throw new GatewayError(
      'SOURCE_DRAINING',
      `An operator has closed the source ${source} to new statements: try again later, or use another source.`,
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }
}
