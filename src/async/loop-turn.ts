/** Time that loops may run before they yield to the event loop, in milliseconds. */
const MAX_TURN_MS = 5
/** Short steps of a loop between two reads of the clock. */
const STEPS_BETWEEN_CHECKS = 16

let startedAt = 0
let isScheduled = false
const waiting: (() => void)[] = []

/**
 * Keeps a loop over data in memory (frames, messages, rows) from blocking the event loop. All such loops share one time budget
 * per turn of the event loop: many of them together block it no longer than one does.
 */
export class LoopTurn {
  readonly #stepsBetweenChecks: number
  #steps = 0

  /** @param stepsBetweenChecks steps between two reads of the clock; 1 if one step may take long */
  constructor(stepsBetweenChecks = STEPS_BETWEEN_CHECKS) {
    this.#stepsBetweenChecks = stepsBetweenChecks
  }

  /** Called before each step. @returns undefined if the loop may continue, else a promise to wait for */
  next(): Promise<void> | undefined {
    if (++this.#steps < this.#stepsBetweenChecks) return undefined
    this.#steps = 0
    if (!isScheduled) schedule()
    if (performance.now() - startedAt <= MAX_TURN_MS) return undefined
    return new Promise((resolve) => {
      waiting.push(resolve)
    })
  }

  /** Called after the loop has waited for something else. */
  reset(): void {
    this.#steps = 0
  }
}

function schedule(): void {
  isScheduled = true
  startedAt = performance.now()
  setImmediate(resumeNext)
}

/** Runs after the event loop has handled sockets and timers; resumes the loop that has waited longest. */
function resumeNext(): void {
  isScheduled = false
  const next = waiting.shift()
  if (!next) return
  schedule()
  next()
}
