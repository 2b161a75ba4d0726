/** Processor time of this thread, in milliseconds. Other than the time of a clock, it stands still while others have the core. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Keeps this thread at work for a time, in milliseconds. Processor time is counted in steps that are too large for this. */
export function burn(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

/** Runs something. Returns the longest processor time for which it kept timers from running, in milliseconds. */
export async function longestTurnMs(run: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = cpuMs()
  const look = () => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  look()
  return longest
}
