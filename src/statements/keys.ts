/**
 * All keys of this layer in the shared state: sessions and marks in the store, parameters and results in the blobs. A call that
 * needs a key while the store is down fails with STATE_UNAVAILABLE, with two exceptions. Reading a `cancelled` mark returns not
 * cancelled. A `result` that cannot be stored counts as expired.
 */
export const keys = {
  /** The options of a session. */
  session: (principal: string, id: string): string => `session:${principal}:${id}`,
  /** The set of the ids of a principal's sessions. */
  sessionsOf: (principal: string): string => `sessions:${principal}`,
  /** Mark of a session whose client has returned the cookie to a replica. */
  cookieReturned: (principal: string, id: string): string => `cookie-returned:${principal}:${id}`,
  /** Mark of an execution that a client has cancelled. */
  cancelled: (execution: string): string => `cancelled:${execution}`,
  /** Mark of a polled statement that changes data; the one replica that runs it sets it, and again when it has run. */
  claimed: (execution: string): string => `claimed:${execution}`,
  /** Result of a statement that the gateway has run before its client fetches it. */
  result: (execution: string): string => `result:${execution}`,
  /** Bound parameters that are too large for a handle. */
  parameters: (id: string): string => `parameters:${id}`,
} as const
