import { setImmediate as nextTurn } from 'node:timers/promises'

/** So long the event loop may be held, in milliseconds. */
const MAX_HELD_MS = 8

/** Lets others have their turn of the event loop during long work: `if (turns.areDue) await turns.take()`. */
export class EventLoopTurns {
  #dueAt = performance.now() + MAX_HELD_MS

  /** Whether the event loop has been held long enough. */
  get areDue(): boolean {
    return performance.now() >= this.#dueAt
  }

  async take(): Promise<void> {
    await nextTurn()
    this.#dueAt = performance.now() + MAX_HELD_MS
  }
}
