/** How long code that has more to do may run before the event loop goes on with others, in milliseconds. */
const MAX_TURN_MS = 5
/** Steps of a loop between two looks at the clock, where steps are small. */
const STEPS_BETWEEN_LOOKS = 16

let startedAt = 0
let isScheduled = false
const waiting: (() => void)[] = []

/**
 * A loop over much that is at hand (frames, messages, rows), which must not hold the event loop however long it takes. All such loops share one
 * turn of the event loop, so that many of them together hold up others no longer than one does.
 */
export class LoopTurn {
  readonly #stepsBetweenLooks: number
  #steps = 0

  /** @param stepsBetweenLooks 1 where a step may take long */
  constructor(stepsBetweenLooks = STEPS_BETWEEN_LOOKS) {
    this.#stepsBetweenLooks = stepsBetweenLooks
  }

  /** Asks before each step: undefined when the loop may go on, else what it has to wait for. */
  next(): Promise<void> | undefined {
    if (++this.#steps < this.#stepsBetweenLooks) return undefined
    this.#steps = 0
    if (!isScheduled) schedule()
    if (performance.now() - startedAt <= MAX_TURN_MS) return undefined
    return new Promise((resolve) => {
      waiting.push(resolve)
    })
  }

  /** The loop has waited for something else. */
  reset(): void {
    this.#steps = 0
  }
}

function schedule(): void {
  isScheduled = true
  startedAt = performance.now()
  setImmediate(begin)
}

/** Sockets and timers have had their turn: one of those that wait goes on, first come, first served. */
function begin(): void {
  isScheduled = false
  const next = waiting.shift()
  if (!next) return
  schedule()
  next()
}
