import type { Bill } from '../../query/billing/charge.ts'
import { deriveContext } from '../../query/derive-context.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Logger } from '../../query/types.ts'
import type { Ledger, LedgerEntry } from '../ledger/ledger.ts'
import type { Budgets } from './budgets.ts'

/** Time between two looks at statements whose bill is missing, in milliseconds. */
const INTERVAL_MS = 60_000
/** Age from which a statement of this or another process is asked for, in milliseconds. */
const MIN_AGE_MS = 5 * 60_000
const ASK_TIMEOUT_MS = 30_000
const MAX_OPEN = 500
const MAX_IDS = 500
/** Most differences that a report lists. */
const MAX_LISTED = 100

/** A job whose bill differed from the ledger. */
export interface LedgerDifference {
  readonly jobId: string
  readonly before: Pick<LedgerEntry, 'state' | 'nanoUsd' | 'billedBytes'>
  readonly nanoUsd: number
  readonly billedBytes: number
}

/** What a reconciliation found and did. */
export interface ReconcileReport {
  readonly source: string
  /** Unix milliseconds. */
  readonly since: number
  /** Jobs of the gateway in the engine's list. */
  jobs: number
  /** Statements that the ledger held open, and which now have their bill. */
  settled: number
  /** Statements whose bill in the ledger was another one. */
  corrected: number
  /** Expired statements that the engine does not list: they cost nothing. */
  cleared: number
  /** Jobs with the gateway's label that the ledger does not know, or no longer. */
  unknown: number
  /** The first differences. */
  readonly differences: LedgerDifference[]
  /** Jobs that other programs ran. */
  readonly others: { jobs: number; billedBytes: number; nanoUsd: number }
}

/** A statement in the engine's list: one job, or several for rows of parameters. */
interface ListedStatement {
  /** The last one in the list. */
  readonly jobId: string
  readonly location: string
  /** Of all its jobs in the list. */
  readonly bill: Bill
  readonly hasParts: boolean
}

/** Dependencies of `Reconciliation`. */
export interface ReconciliationDependencies {
  readonly budgets: Budgets
  readonly ledger: Ledger
  /** The sources now. */
  sources(): readonly Source[]
  readonly log: Logger
  /** @param differenceNanoUsd between the bill and another bill that the ledger had */
  onCorrected(source: string, had: 'open' | 'other', differenceNanoUsd?: number): void
}

/** Brings the ledger in step with the bills of the engines. */
export class Reconciliation {
  readonly #deps: ReconciliationDependencies
  readonly #closing = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined

  constructor(deps: ReconciliationDependencies) {
    this.#deps = deps
  }

  /** Asks for the bills of statements that an earlier process left open, and then for those whose bill does not come. */
  start(): void {
    this.#ask(0)
    this.#timer = setInterval(() => this.#ask(MIN_AGE_MS), INTERVAL_MS).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort(new GatewayError('CANCELLED', 'The gateway is shutting down.'))
    await this.#asking
  }

  /** Settles open statements of at least this age whose job has ended. @returns how many */
  async settleOpen(minAgeMs: number): Promise<number> {
    const { ledger, budgets, log } = this.#deps
    let settled = 0
    /** Start of the oldest statement without a bill, by source: BigQuery chooses the id of a short query's job itself. */
    const unknown = new Map<string, number>()
    for (const { id, source, job, at, expiresAt } of await ledger.open(MAX_OPEN)) {
      if (this.#closing.signal.aborted) break
      const cost = this.#sourceNamed(source)?.cost
      if (!cost || at > Date.now() - minAgeMs || budgets.isRunning(id)) continue
      // Of several jobs the ledger knows the last one. Another process may send further ones until then.
      const isPart = isPartOf(job.jobId, id)
      if (isPart && expiresAt > Date.now()) continue
      try {
        const bill = isPart ? undefined : await cost.billOf(job, this.#context())
        if (!bill) {
          unknown.set(source, Math.min(at, unknown.get(source) ?? at))
          continue
        }
        await ledger.settle(id, budgets.settlementOf(source, bill, job.location || undefined))
        settled++
        this.#deps.onCorrected(source, 'open')
      } catch (error) {
        log.debug({ event: 'ledger', source, err: error }, 'a bill could not be asked for')
      }
    }
    for (const [source, since] of unknown)
      await this.reconcile(source, since, this.#context()).then(
        (report) => {
          settled += report.settled
        },
        (error: unknown) => log.debug({ event: 'ledger', source, err: error }, 'jobs could not be listed'),
      )
    if (settled > 0) log.info({ event: 'ledger', statements: settled }, 'bills of earlier statements are in the ledger')
    return settled
  }

  /**
   * Compares the ledger with the engine's list of jobs, which is free, and corrects the ledger.
   * @param since Unix milliseconds
   * @throws GatewayError UNKNOWN_SOURCE; UNIMPLEMENTED if the source does not bill; those of the source and the ledger
   */
  async reconcile(name: string, since: number, ctx: Context): Promise<ReconcileReport> {
    const source = this.#sourceNamed(name)
    if (!source) throw new GatewayError('UNKNOWN_SOURCE', `There is no source ${name}.`)
    if (!source.cost) throw new GatewayError('UNIMPLEMENTED', `The source ${source.name} bills nothing.`)
    const report: ReconcileReport = {
      source: source.name,
      since,
      jobs: 0,
      settled: 0,
      corrected: 0,
      cleared: 0,
      unknown: 0,
      differences: [],
      others: { jobs: 0, billedBytes: 0, nanoUsd: 0 },
    }
    const listed = new Map<string, ListedStatement>()
    for await (const job of source.cost.jobsSince(since, ctx)) {
      ctx.signal.throwIfAborted()
      const { chargeId, jobId, bill, location } = job
      if (chargeId === undefined) {
        const { nanoUsd, billedBytes } = this.#deps.budgets.settlementOf(source.name, bill, location || undefined)
        report.others.jobs++
        report.others.billedBytes += billedBytes
        report.others.nanoUsd += nanoUsd
        continue
      }
      report.jobs++
      const before = listed.get(chargeId)
      const hasParts = before !== undefined || isPartOf(jobId, chargeId)
      listed.set(chargeId, { jobId, location, hasParts, bill: before ? sumOf(before.bill, bill) : bill })
    }
    const all = [...listed]
    for (let i = 0; i < all.length; i += MAX_IDS) await this.#compare(all.slice(i, i + MAX_IDS), report)
    await this.#clear(report, listed)
    // Each minute while a bill is missing: a line that says nothing new would hide the others.
    const isNews = report.settled + report.corrected + report.cleared > 0
    this.#deps.log[isNews ? 'info' : 'debug'](
      { event: 'ledger', ...report, differences: report.differences.length },
      'the ledger was reconciled',
    )
    return report
  }

  async #compare(statements: readonly (readonly [string, ListedStatement])[], report: ReconcileReport): Promise<void> {
    const { ledger, budgets, onCorrected } = this.#deps
    const entries = new Map((await ledger.entries(statements.map(([id]) => id))).map((each) => [each.id, each]))
    for (const [id, { jobId, bill, location, hasParts }] of statements) {
      const before = entries.get(id)
      if (!before) {
        report.unknown++
        continue
      }
      // Further jobs of the statement may come, or have ended before the list begins.
      if (budgets.isRunning(id) || (hasParts && (before.state === 'submitted' || before.at < report.since))) continue
      const settlement = budgets.settlementOf(report.source, bill, location || undefined)
      const { nanoUsd, billedBytes } = settlement
      const isOpen = before.state !== 'settled' && before.state !== 'released'
      if (!isOpen && before.nanoUsd === nanoUsd && before.billedBytes === billedBytes) continue
      // A released statement that billed nothing is right.
      if (before.state === 'released' && nanoUsd === 0 && billedBytes === 0) continue
      await ledger.correct(id, settlement)
      report[isOpen ? 'settled' : 'corrected']++
      if (isOpen) onCorrected(report.source, 'open')
      else onCorrected(report.source, 'other', Math.abs(nanoUsd - before.nanoUsd))
      if (report.differences.length < MAX_LISTED) report.differences.push({ jobId, before, nanoUsd, billedBytes })
    }
  }

  /** What has expired and is not in the list of its time never became a job. */
  async #clear(report: ReconcileReport, listed: ReadonlyMap<string, unknown>): Promise<void> {
    const { ledger } = this.#deps
    for (const { id, source, at, expiresAt } of await ledger.open(MAX_OPEN)) {
      if (source !== report.source || at < report.since || expiresAt > Date.now() || listed.has(id)) continue
      await ledger.settle(id, { nanoUsd: 0, billedBytes: 0, at: Date.now() })
      report.cleared++
      this.#deps.onCorrected(source, 'open')
    }
  }

  #ask(minAgeMs: number): void {
    this.#asking ??= this.settleOpen(minAgeMs)
      .then(
        () => {},
        (error: unknown) => this.#deps.log.debug({ event: 'ledger', err: error }, 'open statements could not be read'),
      )
      .finally(() => {
        this.#asking = undefined
      })
  }

  #sourceNamed(name: string): Source | undefined {
    return this.#deps.sources().find((source) => source.name.toLowerCase() === name.toLowerCase())
  }

  #context(): Context {
    const context: Context = {
      principal: { name: 'flightgate', roles: ['reader'] },
      signal: this.#closing.signal,
      deadlineAt: Date.now() + ASK_TIMEOUT_MS,
      requestId: 'ledger',
      log: this.#deps.log,
    }
    return deriveContext(context, {
      signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]),
    })
  }
}

/** Whether a job is a further one of a statement: its id is that of the reservation, with a number. */
function isPartOf(jobId: string, chargeId: string): boolean {
  return jobId.startsWith(`${chargeId}-`)
}

function sumOf(one: Bill, other: Bill): Bill {
  return {
    ...one,
    billedBytes: one.billedBytes + other.billedBytes,
    slotMs: (one.slotMs ?? 0) + (other.slotMs ?? 0),
    cacheHit: one.cacheHit === true && other.cacheHit === true,
  }
}
