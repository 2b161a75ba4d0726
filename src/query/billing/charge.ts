/** What a statement was billed. */
export interface Bill {
  /** Bytes that the engine bills, after its rounding; 0 for a cached or failed statement. */
  readonly billedBytes: number
  readonly processedBytes?: number
  readonly slotMs?: number
  /** Whether the engine answered from its own cache. */
  readonly cacheHit?: boolean
  /** Reservation that ran the statement; absent if it ran on demand. */
  readonly reservation?: string
  /** Region in which it ran; by default that of the estimate. */
  readonly location?: string
}

/** Where an engine keeps a job, so that its bill can be asked for later. */
export interface JobReference {
  readonly project: string
  readonly location: string
  readonly jobId: string
}

/**
 * The account of one statement at a source that bills. The budget stage puts it into the context of `Source.run`. The source
 * calls `onSubmitted` before the engine can bill anything, and `settle` exactly once when it knows the bill, also when the
 * statement failed or was cancelled, and perhaps after the result has ended. A statement that ends without `onSubmitted` cost
 * nothing. One that was submitted and never settled counts as its reservation.
 */
export interface Charge {
  /** Id of the reservation; at most 36 letters, digits and hyphens, unique. The source may use it as the job's id. */
  readonly id: string
  /** Most bytes that the engine may bill for the statement; the source passes it on, so that the engine refuses more. */
  readonly maxBilledBytes?: number
  /** The engine gets the statement now. Resolves once the ledger has it. */
  onSubmitted(job: JobReference): Promise<void>
  settle(bill: Bill): void
}
