import { Fifo } from './fifo.ts'

/** Time slice of one connection to process received bytes, in milliseconds; most need a hundredth of it. */
export const SLICE_MS = 1
/** Time for all queued connections per turn of the event loop, in milliseconds. */
const TURN_MS = 5

/** Continues until a deadline (`performance.now()`). @returns whether all work is done */
export type Work = (until: number) => boolean

const waiting = new Fifo<Work>()
let isScheduled = false

/**
 * Queues the rest of a connection's received bytes. Connections take turns of one time slice each, so that a peer that sends many
 * tiny frames does not delay the other connections of the process.
 */
export function processInSlices(work: Work): void {
  waiting.push(work)
  schedule()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(runTurn)
}

function runTurn(): void {
  isScheduled = false
  const begunAt = performance.now()
  for (let now = begunAt; waiting.length > 0 && now < begunAt + TURN_MS; now = performance.now()) {
    const work = waiting.shift()
    if (!work(now + SLICE_MS)) waiting.push(work)
  }
  if (waiting.length > 0) schedule()
}
