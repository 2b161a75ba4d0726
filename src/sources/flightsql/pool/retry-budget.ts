const MAX_TOKENS = 10
const GAIN = 0.1

/**
 * Limits retries: each takes a token, each success returns a tenth of one, and retries stop while fewer than half of the tokens
 * are left. Retries thus stay few when many calls fail. Source: gRPC proposal A6, "Throttling Retry Attempts".
 */
export class RetryBudget {
  #tokens = MAX_TOKENS

  onSuccess(): void {
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + GAIN)
  }

  /** Takes a token; false when no retry is allowed now. */
  take(): boolean {
    if (this.#tokens < MAX_TOKENS / 2) return false
    this.#tokens--
    return true
  }
}
