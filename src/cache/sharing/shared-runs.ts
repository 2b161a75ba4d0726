import { deriveContext } from '../../query/derive-context.ts'
import { GatewayError } from '../../query/errors.ts'
import { timeLimit } from '../../query/time-limit.ts'
import type { Context, Result } from '../../query/types.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { RunReader } from './run-reader.ts'
import { type Recording, SharedRun, type StartRun } from './shared-run.ts'
import { Spill, type SpillLimits } from './spill.ts'

/** How a reader shares a run. */
export interface SharedRunOptions extends Recording {
  /** Whether the reader may join a run that is under way; if not, it begins one, which later readers join. By default true. */
  readonly mayJoin?: boolean
}

/** A result, and whether it comes from the run of another reader. */
export interface SharedResult {
  readonly result: Result
  readonly isCollapsed: boolean
}

/** Bounds of all runs. */
export interface SharedRunsLimits {
  /** Memory of all recordings and of what slow readers lack. */
  readonly memory: MemoryBudget
  /**
   * Bytes of rows that a run keeps in memory for the slowest of several readers once the rows are no longer recorded. What they lack
   * beyond that goes to the file.
   */
  readonly maxWindowBytes: number
  /** By default nothing is spilled. If the file is full too, the slowest reader ends with FELL_BEHIND. */
  readonly spill?: SpillLimits
}

/** Errors that come from limits of the reader that began the run, which other readers may not have. */
const ownLimits = new Set(['CANCELLED', 'DEADLINE', 'QUOTA_EXCEEDED', 'BUDGET_EXCEEDED', 'QUEUE_FULL'])

/**
 * Runs statements with the same key once, for all that read them at the same time. A run belongs to none of its readers: each may
 * leave, fail or stall without harm to the others. The key decides who shares rows: it must hold all on which they depend.
 */
export class SharedRuns {
  readonly #limits: SharedRunsLimits
  readonly #spill: Spill
  /** The run of each key that readers may join. */
  readonly #open = new Map<string, SharedRun>()
  readonly #background = new Set<AbortController>()
  #isClosed = false

  constructor(limits: SharedRunsLimits) {
    this.#limits = limits
    this.#spill = new Spill(limits.spill ?? { maxBytes: 0 })
  }

  /**
   * Joins the run of this key, or begins it.
   * @param start starts the statement; the context that it gets belongs to the run
   * @throws what `start` throws, also for readers that wait for the start of another one's run; the reason of the context's signal.
   *   If the reader that began the run fails at limits of its own, the next one begins its own run.
   */
  async run(key: string, ctx: Context, start: StartRun, options: SharedRunOptions): Promise<SharedResult> {
    for (;;) {
      ctx.signal.throwIfAborted()
      const open = options.mayJoin === false ? undefined : this.#open.get(key)
      const reader = open?.join(ctx) ?? this.#begin(key, options).begin(ctx, start)
      try {
        return { result: await reader.started, isCollapsed: open !== undefined }
      } catch (error) {
        if (!open || ctx.signal.aborted || !isOwnLimit(error)) throw error
      }
    }
  }

  /** Whether a run of this key is under way that readers may join. */
  isRunning(key: string): boolean {
    return this.#open.has(key)
  }

  /**
   * Runs a statement without a client, until its rows are recorded; readers may join it. Does nothing while a run of this key is
   * under way.
   * @param ctx whose principal pays; the end of its signal does not end the run
   * @param maxMs time limit of the run, in milliseconds
   * @returns whether the rows were recorded
   * @throws what `start` throws, the error of the rows, or DEADLINE
   */
  async runInBackground(
    key: string,
    ctx: Context,
    start: StartRun,
    { maxMs, ...recording }: Recording & { readonly maxMs: number },
  ): Promise<boolean> {
    if (this.#isClosed || this.#open.has(key)) return false
    const controller = new AbortController()
    this.#background.add(controller)
    const { signal, clear } = timeLimit(controller.signal, maxMs, () => new GatewayError('DEADLINE'))
    try {
      let isRecorded = false
      const run = this.#begin(key, {
        ...recording,
        onRecorded: (recorded, why) => {
          isRecorded = recorded !== undefined
          recording.onRecorded?.(recorded, why)
        },
      })
      await readWhileKept(
        run,
        run.begin(deriveContext(ctx, { signal, connection: undefined, trace: undefined }), start),
      )
      return isRecorded
    } finally {
      clear()
      this.#background.delete(controller)
    }
  }

  /**
   * Reads a run that is under way until its rows are recorded, whatever its readers do. Does nothing without such a run.
   * @param maxMs time limit, in milliseconds
   */
  async readAlong(key: string, ctx: Context, maxMs: number): Promise<void> {
    const run = this.#open.get(key)
    if (this.#isClosed || !run) return
    const controller = new AbortController()
    this.#background.add(controller)
    const { signal, clear } = timeLimit(controller.signal, maxMs, () => new GatewayError('DEADLINE'))
    try {
      await readWhileKept(run, run.join(deriveContext(ctx, { signal, connection: undefined, trace: undefined })))
    } catch {
      // The readers of the run get its error too.
    } finally {
      clear()
      this.#background.delete(controller)
    }
  }

  /** Ends the runs in the background, and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const controller of this.#background) controller.abort(new GatewayError('DRAINING'))
    await this.#spill.close()
  }

  #begin(key: string, recording: Recording): SharedRun {
    const run = new SharedRun(recording, {
      memory: this.#limits.memory,
      maxWindowBytes: this.#limits.maxWindowBytes,
      spill: this.#spill,
      onClosed: () => {
        if (this.#open.get(key) === run) this.#open.delete(key)
      },
    })
    this.#open.set(key, run)
    return run
  }
}

/** Reads a run without a client as long as its rows are recorded. */
async function readWhileKept(run: SharedRun, reader: RunReader): Promise<void> {
  await reader.started
  try {
    while (run.isKeeping) {
      const next = await reader.next()
      if (next.done) break
      for (const frame of next.value) frame.release?.()
    }
  } finally {
    await reader.return()
  }
}

function isOwnLimit(error: unknown): boolean {
  return error instanceof GatewayError && ownLimits.has(error.code)
}
