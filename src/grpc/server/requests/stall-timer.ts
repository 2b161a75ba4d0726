/** Runs while something waits for the other side, from its last progress on. */
export class StallTimer {
  readonly #timeoutMs: number
  readonly #onStall: (seconds: number) => void
  #timer: NodeJS.Timeout | undefined

  /** @param onStall told the time without progress, in seconds */
  constructor(timeoutMs: number, onStall: (seconds: number) => void) {
    this.#timeoutMs = timeoutMs
    this.#onStall = onStall
  }

  get isRunning(): boolean {
    return this.#timer !== undefined
  }

  /** There has been progress. @param waits whether there is still something that waits */
  watch(waits: boolean): void {
    if (!waits) this.stop()
    else if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#onStall(this.#timeoutMs / 1000), this.#timeoutMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
