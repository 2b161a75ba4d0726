/**
 * Every key under which this layer keeps something in what replicas share: sessions and marks in the store, parameters and
 * results among the blobs. A call that needs one while the store is down fails with STATE_UNAVAILABLE, with two exceptions: no
 * statement counts as `cancelled`, and a `result` that cannot be kept counts as one that is no longer kept.
 */
export const keys = {
  /** The options of a session. */
  session: (principal: string, id: string): string => `session:${principal}:${id}`,
  /** The ids of a principal's sessions. */
  sessionsOf: (principal: string): string => `sessions:${principal}`,
  /** The mark of an execution that a client has cancelled. */
  cancelled: (execution: string): string => `cancelled:${execution}`,
  /** The mark of a polled statement that changes data, set by the one replica that runs it. */
  claimed: (execution: string): string => `claimed:${execution}`,
  /** The result of a statement that has run before its client fetches it. */
  result: (execution: string): string => `result:${execution}`,
  /** Bound parameters that are too large for a handle. */
  parameters: (id: string): string => `parameters:${id}`,
} as const
