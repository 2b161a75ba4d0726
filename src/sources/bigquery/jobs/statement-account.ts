import { randomUUID } from 'node:crypto'
import type { Bill, JobReference } from '../../../query/billing/charge.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Context } from '../../../query/types.ts'
import { sumOf } from './bill-of.ts'

/** The account of a statement over its jobs: one, or one for each row of parameters. */
export class StatementAccount {
  readonly #charge: Context['charge']
  readonly #id: string
  readonly #maxBilledBytes: number
  readonly #bills: (Bill | undefined)[] = []
  /** Jobs that began, and those that BigQuery may have got: the bills of the latter are waited for. */
  #jobs = 0
  #sent = 0
  #isOver = false
  #onBill = () => {}

  /** @param maxBilledBytes most bytes that all jobs may bill together */
  constructor(charge: Context['charge'], maxBilledBytes: number) {
    this.#charge = charge
    this.#id = charge?.id ?? randomUUID()
    this.#maxBilledBytes = maxBilledBytes
  }

  /** BigQuery gets a job now. @throws GatewayError as `Charge.onSubmitted`: then it must not get it */
  readonly onSubmitted = async (job: JobReference): Promise<void> => {
    await this.#charge?.onSubmitted(job)
    this.#sent++
  }

  /**
   * Begins a job, when the bills of those before it are known.
   * @returns its id (that of the reservation, with a number from the second job on) and the most that it may bill
   * @throws GatewayError UPSTREAM_LIMIT, or the signal's reason
   */
  async begin(signal: AbortSignal): Promise<{ readonly jobId: string; readonly maxBilledBytes: number }> {
    while (this.#bills.length < this.#sent) {
      signal.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        this.#onBill = () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
      })
    }
    const spent = this.#bills.reduce((sum, bill) => sum + (bill?.billedBytes ?? this.#maxBilledBytes), 0)
    if (this.#jobs > 0 && spent >= this.#maxBilledBytes)
      throw new GatewayError(
        'UPSTREAM_LIMIT',
        `The rows of parameters before have billed all that the statement may bill (${this.#maxBilledBytes} bytes): bind fewer rows.`,
      )
    this.#jobs++
    const jobId = this.#jobs === 1 ? this.#id : `${this.#id}-${this.#jobs}`
    return { jobId, maxBilledBytes: this.#maxBilledBytes - spent }
  }

  /** Called once for each job. */
  readonly onBill = (bill: Bill | undefined): void => {
    this.#bills.push(bill)
    this.#onBill()
    this.#settle()
  }

  /** No further job begins. */
  end(): void {
    this.#isOver = true
    this.#settle()
  }

  #settle(): void {
    if (!this.#isOver || this.#sent === 0 || this.#bills.length < this.#sent) return
    const known = this.#bills.filter((bill) => bill !== undefined)
    // With an unknown bill, the reservation counts as spent.
    if (known.length === this.#sent) this.#charge?.settle(sumOf(known))
  }
}
