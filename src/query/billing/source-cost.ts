import type { Context } from '../types.ts'
import type { Bill, JobReference } from './charge.ts'

/** What a table holds, for advice on statements. */
export interface TableFacts {
  /** Names of the columns in their order, with their types as the engine names them. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly bytes?: number
  readonly rows?: number
  /** Column by which the table is partitioned, `_PARTITIONTIME` for partitions by ingestion time; absent if it is not partitioned. */
  readonly partitionColumn?: string
  /** Type of that column, such as DATE or TIMESTAMP, or INT64 for ranges. */
  readonly partitionType?: string
  readonly clusterColumns?: readonly string[]
  readonly requiresPartitionFilter?: boolean
  /** `TABLE`, `VIEW`, `EXTERNAL` ... */
  readonly kind: string
}

/** A job that an engine has billed. */
export interface BilledJob extends JobReference {
  /** Id of the reservation that the gateway made for it; absent if another program ran it. */
  readonly chargeId?: string
  readonly bill: Bill
  /** Unix milliseconds. */
  readonly endedAt: number
}

/** What a source that bills can tell besides estimates. */
export interface SourceCost {
  /** Dialect of its SQL, for rules on statements. */
  readonly dialect: 'bigquery'
  /** Facts of a table that a statement names, from metadata that is free; undefined if there is none. @throws GatewayError */
  tableFacts(name: readonly string[], ctx: Context): Promise<TableFacts | undefined>
  /** Bill of a job; undefined while it runs, or if there is no such job. @throws GatewayError */
  billOf(job: JobReference, ctx: Context): Promise<Bill | undefined>
  /** Jobs that ended at or after `since` (Unix milliseconds), from a listing that is free. @throws GatewayError */
  jobsSince(since: number, ctx: Context): AsyncIterable<BilledJob>
}
