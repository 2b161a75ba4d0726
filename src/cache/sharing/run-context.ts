import { deriveContext } from '../../query/derive-context.ts'
import type { StatementTrace } from '../../query/statement-trace.ts'
import type { Context } from '../../query/types.ts'

/**
 * The context of a run that no reader owns. It keeps who asks: the principal and holder whose slot and budget the run takes, the
 * request's metadata, id and log. It leaves out what ends with one call: its signal, deadline, reader, connection and marks.
 * @param signal ends when the last reader has left
 */
export function runContext(first: Context, signal: AbortSignal, trace: StatementTrace): Context {
  return deriveContext(first, {
    signal,
    trace,
    // The source must not end the run at the deadline of one reader. Each reader leaves at its own, which its signal has.
    deadlineAt: Number.POSITIVE_INFINITY,
    reader: undefined,
    connection: undefined,
    changeMark: undefined,
    charge: undefined,
    heldReports: undefined,
  })
}

/** The traces of the readers of a run. */
export interface TracedReaders {
  /** The reader that pays for the run. */
  readonly first: StatementTrace | undefined
  /** The run has got its slot. */
  onSlot(queueWaitMs: number): void
}

/** Passes on what the stages tell of a run: the bill to the reader that pays, the slot to all. */
export class RunTrace implements StatementTrace {
  readonly #readers: TracedReaders
  #isShared = false

  constructor(readers: TracedReaders) {
    this.#readers = readers
  }

  set queueWaitMs(queueWaitMs: number) {
    this.#readers.onSlot(queueWaitMs)
  }

  get isShared(): boolean {
    return this.#isShared
  }

  /** The rows of the whole run come from another statement. */
  set isShared(isShared: boolean) {
    this.#isShared = isShared
    if (this.#readers.first) this.#readers.first.isShared = isShared
  }

  set billedBytes(billedBytes: number) {
    if (this.#readers.first) this.#readers.first.billedBytes = billedBytes
  }

  set costUsd(costUsd: number) {
    if (this.#readers.first) this.#readers.first.costUsd = costUsd
  }
}
