import { GatewayError } from '../../query/errors.ts'
import type { StatementRequest } from '../requests/statement-request.ts'

/** Options of a batch as a client sends them. A number that is absent or 0 means the default. */
export interface BatchOptions {
  /** Number of statements that run at the same time. */
  readonly maxConcurrency?: number
  /** Time limit for the whole batch and so for each of its statements, in milliseconds. */
  readonly timeoutMs?: number
  /** Whether the first failure cancels the statements that run and skips those that wait. */
  readonly stopOnError?: boolean
}

/** Limits of batches; see `docs/configuration.md`, `limits`. */
export interface BatchLimits {
  readonly maxBatchStatements: number
  readonly batchConcurrency: number
  readonly maxBatchConcurrency: number
  readonly batchTimeoutMs: number
  readonly maxBatchTimeoutMs: number
}

/** The options of a batch with the defaults filled in. */
export interface BatchBounds extends Required<BatchOptions> {
  /** Whether `maxConcurrency` is the default, which a quota may lower. */
  readonly isUsualConcurrency: boolean
}

/** @throws GatewayError BAD_REQUEST for an option outside its range */
export function boundsOf(options: BatchOptions, limits: BatchLimits): BatchBounds {
  return {
    maxConcurrency: inRange(
      'max_concurrency',
      options.maxConcurrency,
      limits.batchConcurrency,
      limits.maxBatchConcurrency,
      'limits.maxBatchConcurrency',
    ),
    isUsualConcurrency: !options.maxConcurrency,
    timeoutMs: inRange(
      'timeout_ms',
      options.timeoutMs,
      limits.batchTimeoutMs,
      limits.maxBatchTimeoutMs,
      'limits.maxBatchTimeoutMs',
    ),
    stopOnError: options.stopOnError ?? false,
  }
}

/** Longest id of a statement in UTF-16 code units: each part of its result repeats the id. */
export const MAX_ID_CHARACTERS = 200

/**
 * Returns the ids of the statements: those that they have, else their positions, from "0".
 * @throws GatewayError BAD_REQUEST for no statements, too many, an id that is too long, or two with the same id
 */
export function idsOf(requests: readonly StatementRequest[], { maxBatchStatements }: BatchLimits): readonly string[] {
  if (requests.length === 0) throw new GatewayError('BAD_REQUEST', 'The batch has no statements: give at least one.')
  if (requests.length > maxBatchStatements)
    throw new GatewayError(
      'BAD_REQUEST',
      `The batch has ${requests.length} statements, and at most ${maxBatchStatements} may be in one (limits.maxBatchStatements): send several batches.`,
    )
  const seen = new Set<string>()
  return requests.map(({ id }, position) => {
    const own = id === undefined || id === '' ? String(position) : id
    if (own.length > MAX_ID_CHARACTERS)
      throw new GatewayError(
        'BAD_REQUEST',
        `The id of a statement has ${own.length} characters, and may have ${MAX_ID_CHARACTERS}: each part of its result repeats it.`,
      )
    if (seen.has(own))
      throw new GatewayError(
        'BAD_REQUEST',
        `Two statements of the batch have the id ${JSON.stringify(own.slice(0, 100))}: give each one its own. Without an id, the position counts, from "0".`,
      )
    seen.add(own)
    return own
  })
}

function inRange(name: string, value: number | undefined, byDefault: number, max: number, setting: string): number {
  const usual = Math.min(byDefault, max)
  if (value === undefined || value === 0) return usual
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value
  throw new GatewayError(
    'BAD_REQUEST',
    `${name} must be a whole number from 1 to ${max} (${setting}), or 0 for ${usual}.`,
  )
}
