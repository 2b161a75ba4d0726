/** What a process that drains waits for. */
export interface Activity {
  /** Whether anything is begun that has not ended. */
  isBusy(): boolean
  /** Whether any client is connected. */
  isConnected(): boolean
}

const CHECK_MS = 20
/** Time for the next call of a client whose last one has just ended: reading after planning, closing after reading. */
const LINGER_MS = 250

/** Waits until nothing is begun and connected clients have had time for one more call, or so long. */
export async function waitUntilIdle({ isBusy, isConnected }: Activity, graceMs: number): Promise<void> {
  const until = Date.now() + graceMs
  for (let busyAt = Date.now(); Date.now() < until; ) {
    if (isBusy()) busyAt = Date.now()
    else if (!isConnected() || Date.now() - busyAt >= LINGER_MS) return
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS))
  }
}
