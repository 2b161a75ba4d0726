/** Unix time in milliseconds that never goes back, whatever happens to the clock of the machine. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
