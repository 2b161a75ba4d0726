/** Fires when the peer makes no progress for `timeoutMs` while something waits for it. */
export class StallTimer {
  readonly #timeoutMs: number
  readonly #onStall: (seconds: number) => void
  #timer: NodeJS.Timeout | undefined

  /** @param onStall called with the time without progress, in seconds */
  constructor(timeoutMs: number, onStall: (seconds: number) => void) {
    this.#timeoutMs = timeoutMs
    this.#onStall = onStall
  }

  get isRunning(): boolean {
    return this.#timer !== undefined
  }

  /** Reports progress: restarts the timer. @param waits whether something still waits; if not, the timer stops */
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
