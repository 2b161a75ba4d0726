/** Length of a day in milliseconds. */
export const DAY_MS = 86_400_000

/** A day in UTC. */
export interface UtcDay {
  /** As `2026-11-28`. */
  readonly name: string
  /** Start and end in Unix milliseconds. */
  readonly startsAt: number
  readonly endsAt: number
}

/** The day of a time in Unix milliseconds. */
export function utcDayOf(unixMs: number): UtcDay {
  const startsAt = Math.floor(unixMs / DAY_MS) * DAY_MS
  return { name: new Date(startsAt).toISOString().slice(0, 10), startsAt, endsAt: startsAt + DAY_MS }
}
