import type { JobReference } from '../../query/billing/charge.ts'

/** A span of time over which a budget counts. */
export type Period = 'day' | 'month'

/** Who pays: the whole gateway, a source, a principal or a group. */
export interface Account {
  readonly kind: 'gateway' | 'source' | 'principal' | 'group'
  /** Empty for the gateway. */
  readonly name: string
}

/** A limit on what an account spends in a period. */
export interface BudgetLimit {
  readonly account: Account
  readonly period: Period
  /** Billionths of a US dollar. */
  readonly maxNanoUsd: number
}

/** A statement that is about to run. */
export interface Reservation {
  /** Unique; at most 36 letters, digits and hyphens. */
  readonly id: string
  readonly source: string
  readonly principal: string
  readonly groups: readonly string[]
  /** Label that the client gave the statement. The ledger keeps `MAX_LABELS` of them apart for a principal and day. */
  readonly label?: string
  /** Hash of the text, and its beginning where the configuration lets the log hold texts. */
  readonly statement: { readonly hash: string; readonly text?: string }
  /** What the reservation holds, in billionths of a US dollar. */
  readonly nanoUsd: number
  /** Bytes that it holds. */
  readonly bytes: number
  /** Unix milliseconds. */
  readonly at: number
  /** Unix milliseconds after which a reservation that was submitted counts as spent, and one that was not is released. */
  readonly expiresAt: number
}

/** What a statement turned out to cost. */
export interface Settlement {
  readonly nanoUsd: number
  readonly billedBytes: number
  readonly slotMs?: number
  readonly cacheHit?: boolean
  /** Unix milliseconds. */
  readonly at: number
}

/** What an account has spent and reserved in the period that contains a moment. */
export interface Balance {
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
}

/** Answer to a reservation. */
export interface ReserveOutcome {
  /** Index of the limit that refuses it; absent if the amount is reserved. */
  readonly refusedBy?: number
  /** Balance of each limit: with this reservation, or before it if it was refused. */
  readonly balances: readonly Balance[]
}

/** Names of the days (`2026-11-28`) and months (`2026-11`) of the billing time zone. */
export interface BillingCalendar {
  readonly timeZone: string
  dayOf(at: number): string
  monthOf(at: number): string
  /** Start of the next day or month, in Unix milliseconds. */
  endOf(period: Period, at: number): number
}

/** Figures of settled statements, by one or more of the groupings that the caller asked for. */
export interface UsageRow {
  readonly day?: string
  readonly source?: string
  readonly principal?: string
  readonly group?: string
  /** Empty for statements without one. */
  readonly label?: string
  readonly statements: number
  readonly nanoUsd: number
  readonly billedBytes: number
  readonly slotMs: number
  readonly cacheHits: number
}

/** What `usage` sums up: days from `fromDay` to `toDay`, both included, as the calendar names them. */
export interface UsageSelection {
  readonly fromDay: string
  readonly toDay: string
  readonly source?: string
  readonly principal?: string
  readonly group?: string
  readonly label?: string
  /** What the rows are grouped by, in this order. */
  readonly by: readonly ('day' | 'source' | 'principal' | 'group' | 'label')[]
}

/** A statement that has cost much, summed up over its runs. */
export interface TopStatement {
  readonly hash: string
  readonly text?: string
  readonly source: string
  readonly principal: string
  readonly runs: number
  readonly nanoUsd: number
  readonly billedBytes: number
}

/** A reservation that has not been settled. */
export interface OpenReservation extends Reservation {
  /** The job that the source submitted. */
  readonly job: JobReference
}

/** State of a reservation. `expired` counts as spent at its amount until it is settled. */
export type LedgerState = 'reserved' | 'submitted' | 'settled' | 'released' | 'expired'

/** What the ledger holds of a statement. */
export interface LedgerEntry {
  readonly id: string
  readonly state: LedgerState
  /** What counts: the bill once it is settled, else the reservation; 0 once it is released. */
  readonly nanoUsd: number
  readonly billedBytes: number
  readonly source: string
  /** Unix milliseconds of the reservation. */
  readonly at: number
}

/**
 * Accounts of what statements cost. All amounts are whole billionths of a US dollar, at most 2^53 - 1 (9 million dollars). A
 * statement counts for the gateway, its source, its principal and each of its groups, on the day and in the month in which it was
 * reserved. `reserve`, `submitted`, `settle` and `release` are idempotent: each may be repeated after a timeout. `settle` and
 * `release` of an id that has ended do nothing, except that `settle` replaces the amount of a reservation that had expired.
 * Each call throws GatewayError STATE_UNAVAILABLE while the ledger cannot be reached.
 */
export interface Ledger {
  /** Reserves an amount if no limit is exceeded then, in one step, also among several processes. An amount of 0 always fits. */
  reserve(reservation: Reservation, limits: readonly BudgetLimit[]): Promise<ReserveOutcome>
  /**
   * The engine gets the statement: from now on it may be billed.
   * @param expiresAt Unix milliseconds after which the reservation counts as spent
   * @returns false if the reservation has ended, so that the engine must not get the statement
   */
  submitted(id: string, job: JobReference, expiresAt: number): Promise<boolean>
  /** Replaces the reservation by what was billed. */
  settle(id: string, settlement: Settlement): Promise<void>
  /** As `settle`, but also replaces the amount of a statement that was settled or released. For reconciliation. */
  correct(id: string, settlement: Settlement): Promise<void>
  /** Gives the reservation back: the statement cost nothing. Does nothing once it was submitted and has expired. */
  release(id: string): Promise<void>
  /** Balances of accounts in the periods that contain a moment, in the order of `of`. */
  balances(of: readonly Pick<BudgetLimit, 'account' | 'period'>[], at: number): Promise<readonly Balance[]>
  /** Returns true to the first caller that passes a mark, also among several processes. Marks are kept for two months. */
  mark(name: string, at: number): Promise<boolean>
  usage(selection: UsageSelection): Promise<readonly UsageRow[]>
  /** The most expensive statements first. */
  top(selection: Omit<UsageSelection, 'by'>, limit: number): Promise<readonly TopStatement[]>
  /** Reservations that were submitted and neither settled nor released, the oldest first; expired ones too. */
  open(limit: number): Promise<readonly OpenReservation[]>
  /** Entries of statements by their ids, at most 1000 at once; ids that the ledger does not know are left out. */
  entries(ids: readonly string[]): Promise<readonly LedgerEntry[]>
  close(): Promise<void>
}
