/** How a command to Redis ended: with an answer, an error of the server or the connection, or no answer in time. */
export type RedisOutcome = 'ok' | 'error' | 'timeout'

/** Learns what happens between the gateway and Redis, for metrics. */
export interface RedisObserver {
  onCommand(outcome: RedisOutcome, seconds: number): void
  /** A value in Redis was not what the gateway had written; it counts as absent. */
  onCorrupt(): void
}
