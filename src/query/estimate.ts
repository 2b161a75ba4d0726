/** How far an estimate can be trusted; `unknown` if the source cannot tell anything. */
export type EstimateAccuracy = 'unknown' | 'estimated' | 'lower_bound' | 'upper_bound' | 'exact'

/** What a statement would read and cost. A figure that is not known is absent, never 0. */
export interface Estimate {
  readonly accuracy: EstimateAccuracy
  /** Bytes that the statement reads from its tables. */
  readonly bytes?: number
  /** Rows of the result. */
  readonly rows?: number
  /** Bytes that the engine would bill: `bytes` with its minimum and rounding. */
  readonly billableBytes?: number
  /** Price in US dollars, after the free bytes that the configuration gives to this gateway, if it gives any. */
  readonly costUsd?: number
  /** How the price was computed; present with `costUsd`, and where the engine bills slots instead of bytes. */
  readonly price?: Price
  /** Compute time in slot milliseconds, where the engine bills it or bytes say nothing. */
  readonly slotMs?: number
  /** Why the bill may be higher than the figures tell, one sentence each: charges that the engine does not tell in advance. */
  readonly externalCosts?: readonly string[]
  /** Kind of the statement as the engine names it, such as SELECT, SCRIPT or MERGE. */
  readonly statementType?: string
  /** Tables that the statement reads, as `catalog.schema.table`, if the source tells. */
  readonly referencedTables?: readonly string[]
  /** What would make the statement cheaper, one sentence each. */
  readonly suggestions?: readonly string[]
  /** The suggestions with their figures, where a rule found them. */
  readonly advice?: readonly Advice[]
  /** Why the gateway would refuse to run the statement now, in one sentence; absent if it would not. */
  readonly refusal?: string
  /** What the engine tells of the bill; `cost/` computes the price from it. */
  readonly billing?: BillingFacts
}

/** A price list entry, as part of an estimate. */
export interface Price {
  /** `on_demand` bills bytes, `edition` bills slots. */
  readonly model: 'on_demand' | 'edition'
  /** Region whose price applies, such as `US` or `europe-west3`. */
  readonly region: string
  /** True if the price list lacks the region, and its dearest price is assumed. */
  readonly isAssumed?: boolean
  /** US dollars per TiB (2^40 bytes); on demand only. */
  readonly usdPerTib?: number
  /** US dollars per slot and hour; editions only. */
  readonly usdPerSlotHour?: number
  readonly edition?: string
  /** Day on which the price list was checked, as `2026-07-25`; absent if the price comes from the configuration or has no such day. */
  readonly checkedOn?: string
  readonly freeTier?: FreeTier
}

/** Bytes that the engine does not bill in a month. */
export interface FreeTier {
  /** Those of the billing account, whose other users the gateway does not see. */
  readonly bytesPerMonth: number
  /** How many of them the configuration gives to this gateway. */
  readonly ownBytesPerMonth: number
  /** How many of the gateway's own this month has left; the cost is without them. */
  readonly ownBytesLeft?: number
}

/** One suggestion of a rule. */
export interface Advice {
  /** Name of the rule, such as `select_star`. */
  readonly rule: string
  /** The suggestion with its figures, one sentence. */
  readonly message: string
  /** The statement with the suggestion applied, if the rule can write it. */
  readonly rewrittenQuery?: string
  /** Billable bytes of the rewritten statement, by a dry run. */
  readonly billableBytes?: number
  /** Billable bytes that the rewrite saves. */
  readonly savedBytes?: number
  /** US dollars that the rewrite saves at each run. */
  readonly savedUsd?: number
}

/** What an engine that bills tells of a statement before it runs. */
export interface BillingFacts {
  /** Region in which the statement runs, as the engine names it. */
  readonly location: string
  /** The statements that are billed by themselves: one, or those of a script. */
  readonly parts: readonly BilledPart[]
  /** Reservation that would run the statement; absent if it runs on demand. */
  readonly reservation?: string
}

/** One statement that is billed by itself. */
export interface BilledPart {
  /** Bytes that it processes; absent if the engine does not tell. */
  readonly processedBytes?: number
  /** Number of distinct tables that it reads; absent if the engine does not tell. */
  readonly tables?: number
  /**
   * Whether the engine tells 0 bytes although the statement reads tables: mostly true, such as of a count of all rows, but some
   * tables hide their figures. `processedBytes` is absent then.
   */
  readonly isSilent?: boolean
  /** Number of statements that the part sums up, if they are more than one and each runs once. */
  readonly statements?: number
}
