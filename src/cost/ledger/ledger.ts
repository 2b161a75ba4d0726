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

/** Why a reservation was refused: the limit, and what was spent and reserved before. */
export interface Overdraft {
  readonly limit: BudgetLimit
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
}

/** What an account has spent and reserved in the period that contains a moment. */
export interface Balance {
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
}

/** Names of the days (`2026-11-28`) and months (`2026-11`) of the billing time zone. */
export interface BillingCalendar {
  dayOf(at: number): string
  monthOf(at: number): string
}

/** Figures of settled statements, by one or more of the groupings that the caller asked for. */
export interface UsageRow {
  readonly day?: string
  readonly source?: string
  readonly principal?: string
  readonly group?: string
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
  /** What the rows are grouped by, in this order. */
  readonly by: readonly ('day' | 'source' | 'principal' | 'group')[]
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
  /** The job that the source submitted; absent if it submitted none. */
  readonly job?: { readonly project: string; readonly location: string; readonly jobId: string }
}

/**
 * Accounts of what statements cost. All amounts are whole billionths of a US dollar. `reserve`, `submitted`, `settle` and `release`
 * are idempotent: each may be repeated after a timeout. `settle` and `release` of an id that has ended do nothing, except that
 * `settle` replaces the amount of a reservation that had expired.
 */
export interface Ledger {
  /**
   * Reserves an amount if no limit is exceeded then, in one step, also among several processes.
   * @returns the limit that refuses it; undefined if the amount is reserved
   */
  reserve(reservation: Reservation, limits: readonly BudgetLimit[]): Promise<Overdraft | undefined>
  /** The engine gets the statement: from now on it may be billed. */
  submitted(id: string, job: { project: string; location: string; jobId: string }): Promise<void>
  /** Replaces the reservation by what was billed. */
  settle(id: string, settlement: Settlement): Promise<void>
  /** Gives the reservation back: the statement cost nothing. */
  release(id: string): Promise<void>
  balance(account: Account, period: Period, at: number): Promise<Balance>
  usage(selection: UsageSelection): Promise<readonly UsageRow[]>
  /** The most expensive statements first. */
  top(selection: Omit<UsageSelection, 'by'>, limit: number): Promise<readonly TopStatement[]>
  /** Reservations that were submitted and neither settled nor released, the oldest first. */
  open(limit: number): Promise<readonly OpenReservation[]>
  close(): Promise<void>
}
