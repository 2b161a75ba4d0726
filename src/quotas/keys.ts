/** All keys of this part in the shared state. */
export const keys = {
  /** Requests of a caller in a window of time. */
  requests: (caller: string, window: number): string => `requests:${caller}:${window}`,
  /** Bytes of results that a caller has read on a day. */
  bytes: (caller: string, day: string): string => `quota-bytes:${caller}:${day}`,
  /** The places of a caller's running statements. */
  running: (caller: string): string => `running:${caller}`,
  /** A figure of the usage of a principal on a day. */
  usage: (principal: string, day: string, source: string, figure: string): string =>
    `usage:${principal}:${day}:${source}:${figure}`,
} as const
