import type { Sealer } from '../../query/seal/sealer.ts'
import type { Context, Plan } from '../../query/types.ts'
import type { ParameterStore } from '../bound-parameters.ts'
import type { StatementRequests } from '../requests/statement-requests.ts'
import type { BatchLimits } from './batch-bounds.ts'

/** A batch whose statements are planned. */
export interface PlannedBatch {
  /** The plans of the statements that will run; identical reads have one. */
  readonly plans: readonly Plan[]
  /** Largest number of statements that will run at the same time. */
  readonly atOnce: number
}

/** Checks a batch as a whole before any of its statements runs. @throws GatewayError to refuse the batch */
export type BatchCheck = (batch: PlannedBatch, ctx: Context) => void | Promise<void>

/**
 * Takes the requests of a batch before anything is planned: one for each of its statements, less the one of the call itself.
 * @throws GatewayError RATE_LIMITED
 */
export type TakeRequests = (requests: number, ctx: Context) => Promise<unknown>

/** How many statements the caller may begin now by its quota, perhaps none; undefined if it may begin any number. */
export type FreeStatements = (ctx: Context) => number | undefined

/** Dependencies of batches. */
export interface BatchDependencies {
  readonly requests: StatementRequests
  readonly parameters: ParameterStore
  readonly sealer: Sealer
  readonly limits: BatchLimits & { readonly ticketTtlMs: number }
  /** Absent if nothing is checked. */
  readonly check?: BatchCheck | undefined
  /** Absent if statements at the same time are not limited. */
  readonly freeStatements?: FreeStatements | undefined
  /** Absent if requests are not limited. */
  readonly takeRequests?: TakeRequests | undefined
}
