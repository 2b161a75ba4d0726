import type { Bill, Charge, JobReference } from '../../query/billing/charge.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Ledger, Reservation, Settlement } from '../ledger/ledger.ts'
import type { SettlementQueue } from './settlement-queue.ts'

/** What a charge needs to write to the ledger. */
export interface ChargeDependencies {
  readonly ledger: Ledger
  readonly queue: SettlementQueue
  /** Whether a statement may run that the ledger does not know of now. */
  readonly mayRunUnrecorded: boolean
  settlementOf(bill: Bill): Settlement
  onSettled(settlement: Settlement): void
  /** The statement submits no further jobs. */
  onEnd(id: string): void
}

/** The account of one statement: reserved, perhaps submitted, and settled or released. */
export class StatementCharge implements Charge {
  readonly id: string
  readonly maxBilledBytes?: number
  readonly #deps: ChargeDependencies
  readonly #reservation: Reservation
  readonly #submitUntil: number
  /** Whether the ledger has the reservation; if not, it gets it with the bill. */
  readonly #isRecorded: boolean
  #isSubmitted = false
  #isOver = false
  #onOver = () => {}
  /** Resolves when the bill is known. */
  readonly #over = new Promise<void>((resolve) => {
    this.#onOver = resolve
  })

  /** @param submitUntil Unix milliseconds by which the engine has surely ended the statement */
  constructor(
    deps: ChargeDependencies,
    reservation: Reservation,
    options: {
      readonly maxBilledBytes: number | undefined
      readonly submitUntil: number
      readonly isRecorded: boolean
    },
  ) {
    this.#deps = deps
    this.#reservation = reservation
    this.#submitUntil = options.submitUntil
    this.#isRecorded = options.isRecorded
    this.id = reservation.id
    if (options.maxBilledBytes !== undefined) this.maxBilledBytes = options.maxBilledBytes
  }

  /** @throws GatewayError STATE_UNAVAILABLE if the ledger must know of the statement; QUEUE_TIMEOUT if it waited too long */
  async onSubmitted(job: JobReference): Promise<void> {
    const { ledger, mayRunUnrecorded } = this.#deps
    if (this.#isRecorded)
      try {
        if (!(await ledger.submitted(this.id, job, this.#submitUntil)))
          throw new GatewayError(
            'QUEUE_TIMEOUT',
            'The statement waited so long that its budget was given back: run it again.',
          )
      } catch (error) {
        if (!mayRunUnrecorded || !isDown(error)) throw error
      }
    this.#isSubmitted = true
  }

  settle(bill: Bill): void {
    if (this.#isOver) return
    this.#isOver = true
    const settlement = this.#deps.settlementOf(bill)
    this.#deps.onSettled(settlement)
    this.#onOver()
    this.#deps.queue.add(async (ledger) => {
      // Does nothing if the ledger knows the reservation, which a Redis that has lost its data does not.
      await ledger.reserve(this.#reservation, [])
      // Another process that compared the ledger with the engine may have seen some of its jobs only.
      await ledger.correct(this.id, settlement)
    })
  }

  /** Waits until the bill is known, at most so long; not at all for a statement that no engine has. */
  async settled(waitMs: number): Promise<void> {
    if (this.#isOver || !this.#isSubmitted) return
    let timer: NodeJS.Timeout | undefined
    const elapsed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs)
    })
    await Promise.race([this.#over, elapsed])
    clearTimeout(timer)
  }

  /** The statement has ended. Without a job it cost nothing; with one, its bill may still come. */
  end(): void {
    this.#deps.onEnd(this.id)
    if (this.#isOver || this.#isSubmitted) return
    this.#isOver = true
    // A reservation that timed out may have arrived.
    this.#deps.queue.add((ledger) => ledger.release(this.id))
  }
}

/** Whether an error says that the ledger does not answer. */
export function isDown(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'STATE_UNAVAILABLE'
}
