import type { ConnectionOptions } from '../client/connection-options.ts'

/** Options of `flightgate mcp`. */
export interface McpOptions extends ConnectionOptions {
  /** Most rows of an answer. */
  readonly maxRows: number
  /** Most bytes of an answer's rows or names. */
  readonly maxBytes: number
  /** Most that one query may cost, in US dollars. */
  readonly maxCost?: number
  /** Most bytes that one query may bill. */
  readonly maxBytesBilled?: number
}

/** Deadline of a tool call if the options have none, in seconds: hosts give up about then. */
export const DEFAULT_TIMEOUT_S = 120
