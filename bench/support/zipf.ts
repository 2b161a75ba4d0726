/** A request of a trace. */
export interface TraceRequest {
  readonly atSeconds: number
  readonly principal: string
  /** Rank of the statement, from 0, the most popular one. */
  readonly statement: number
}

/** What a trace is made of. */
export interface TraceOptions {
  readonly statements: number
  readonly principals: readonly string[]
  readonly requestsPerSecond: number
  readonly seconds: number
  /** The same seed gives the same trace. */
  readonly seed: number
}

/**
 * Requests of people who look at dashboards: Poisson arrivals, statements by Zipf's law with exponent 1, principals with equal shares.
 */
export function dashboardTrace({
  statements,
  principals,
  requestsPerSecond,
  seconds,
  seed,
}: TraceOptions): readonly TraceRequest[] {
  const random = generator(seed)
  const upTo: number[] = []
  for (let rank = 0; rank < statements; rank++) upTo.push((upTo[rank - 1] ?? 0) + 1 / (rank + 1))
  const pick = () => {
    const at = random() * upTo[statements - 1]!
    return upTo.findIndex((sum) => at < sum)
  }
  const requests: TraceRequest[] = []
  for (let at = 0; ; ) {
    at -= Math.log(1 - random()) / requestsPerSecond
    if (at >= seconds) return requests
    const principal = principals[Math.floor(random() * principals.length)]!
    requests.push({ atSeconds: at, principal, statement: pick() })
  }
}

/** Mulberry32: numbers from 0 to 1, the same ones for a seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
