const MAX_TOKENS = 10
const GAIN = 0.1

/**
 * How many calls may be tried again: each retry takes a token, each success gives a tenth of one back, so that retries stay
 * few when much fails. Source: gRPC proposal A6, "Throttling Retry Attempts".
 */
export class RetryBudget {
  #tokens = MAX_TOKENS

  onSuccess(): void {
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + GAIN)
  }

  /** Whether one more retry may be made. */
  take(): boolean {
    if (this.#tokens < MAX_TOKENS / 2) return false
    this.#tokens--
    return true
  }
}
