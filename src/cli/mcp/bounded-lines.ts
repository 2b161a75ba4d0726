/** Lines of text up to a number of lines and bytes. */
export class BoundedLines {
  readonly #maxLines: number
  readonly #maxBytes: number
  readonly #lines: string[] = []
  #bytes = 0
  /** Why a line was left out; undefined if none was. */
  cut: string | undefined

  constructor(maxLines: number, maxBytes: number) {
    this.#maxLines = maxLines
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#lines.length
  }

  /** Adds a line. @returns whether it fitted; if not, no further one will */
  add(line: string): boolean {
    if (this.cut !== undefined) return false
    const bytes = Buffer.byteLength(line) + 1
    if (this.#lines.length >= this.#maxLines) this.cut = `the answer is cut after ${this.#maxLines} rows`
    else if (this.#bytes + bytes > this.#maxBytes) this.cut = `the answer is cut at ${this.#maxBytes} bytes`
    else {
      this.#bytes += bytes
      this.#lines.push(line)
      return true
    }
    return false
  }

  get text(): string {
    return this.#lines.join('\n')
  }
}
