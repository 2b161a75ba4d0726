/** Activity for which a drain waits. */
export interface Activity {
  /** Whether a call, transaction or statement is in progress. */
  isBusy(): boolean
  /** Whether any client is connected. */
  isConnected(): boolean
}

const CHECK_MS = 20
/** Time for the follow-up call of a client in milliseconds: to read after planning, to close after reading. */
const LINGER_MS = 250

/** Waits until nothing is in progress and connected clients have had time for a follow-up call, at most `graceMs`. */
export async function waitUntilIdle({ isBusy, isConnected }: Activity, graceMs: number): Promise<void> {
  const until = Date.now() + graceMs
  for (let busyAt = Date.now(); Date.now() < until; ) {
    if (isBusy()) busyAt = Date.now()
    else if (!isConnected() || Date.now() - busyAt >= LINGER_MS) return
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS))
  }
}
