/** How long one loop may run before it yields to the event loop, in milliseconds. */
const MAX_TURN_MS = 5
/** Steps of a loop between two looks at the clock, where steps are short. */
const STEPS_BETWEEN_LOOKS = 16

let startedAt = 0
let isScheduled = false
const waiting: (() => void)[] = []

/**
 * Keeps a loop over data in memory (frames, messages, rows) from blocking the event loop. All such loops share one turn of
 * the event loop: many of them together block it no longer than one does.
 */
export class LoopTurn {
  readonly #stepsBetweenLooks: number
  #steps = 0

  /** @param stepsBetweenLooks 1 where one step may take long */
  constructor(stepsBetweenLooks = STEPS_BETWEEN_LOOKS) {
    this.#stepsBetweenLooks = stepsBetweenLooks
  }

  /** Called before each step: undefined when the loop may go on, else what the loop has to wait for. */
  next(): Promise<void> | undefined {
    if (++this.#steps < this.#stepsBetweenLooks) return undefined
    this.#steps = 0
    if (!isScheduled) schedule()
    if (performance.now() - startedAt <= MAX_TURN_MS) return undefined
    return new Promise((resolve) => {
      waiting.push(resolve)
    })
  }

  /** Called when the loop has waited for something else. */
  reset(): void {
    this.#steps = 0
  }
}

function schedule(): void {
  isScheduled = true
  startedAt = performance.now()
  setImmediate(begin)
}

/** Runs after sockets and timers have had their turn, and lets the loop go on that has waited longest. */
function begin(): void {
  isScheduled = false
  const next = waiting.shift()
  if (!next) return
  schedule()
  next()
}
