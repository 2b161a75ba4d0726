import type { FrameLog } from './frame-log.ts'
import type { RunReader } from './run-reader.ts'

/** How long a fast reader waits for rows to go to the file, in milliseconds; then the slowest reader ends. */
const MAX_SPILL_WAIT_MS = 100

/** The readers of a run. */
export interface Readers {
  readonly all: ReadonlySet<RunReader>
  wakeAll(): void
  /** Ends a reader that is too far behind. */
  endSlow(reader: RunReader): void
}

export function slowestOf(readers: Iterable<RunReader>): RunReader | undefined {
  let slowest: RunReader | undefined
  for (const reader of readers) if (!slowest || reader.position < slowest.position) slowest = reader
  return slowest
}

/**
 * Keeps what slow readers lack within a window of memory: the oldest batches go to the file. Ends the slowest readers if the file
 * does not take them.
 */
export async function keepWindow(log: FrameLog, maxWindowBytes: number, readers: Readers): Promise<void> {
  let turns = 0
  let last: RunReader | undefined
  let lastPosition = 0
  while (log.memoryBytes > maxWindowBytes || log.isOverBudget) {
    const slowest = slowestOf(readers.all)
    // Each reader may lack the batch that has just come.
    if (!slowest || slowest.position >= log.end - 1) return
    const hasMoved = slowest !== last || slowest.position !== lastPosition || slowest.isPulling
    if (hasMoved && log.isInMemory(slowest.position) && turns++ <= 2 + readers.all.size) {
      // A reader that moves from one turn of the event loop to the next is not slow: it only waits for its turn.
      last = slowest
      lastPosition = slowest.position
      readers.wakeAll()
      await new Promise(setImmediate)
      continue
    }
    const spilling = log.spillOldest()
    if (!spilling) return
    if (!(await isTrueWithin(spilling, MAX_SPILL_WAIT_MS))) readers.endSlow(slowest)
  }
}

/** Waits for an answer at most so long; false without one. */
async function isTrueWithin(answer: Promise<boolean>, maxMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, maxMs, false)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
