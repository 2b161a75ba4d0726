import { Fifo } from './fifo.ts'

/** How long a connection may work through what it has just received, in milliseconds: most need a hundredth of it. */
export const SLICE_MS = 1
/** How long connections that need more may take together before the event loop looks at sockets and timers again. */
const TURN_MS = 5

/** Goes on until this time (`performance.now()`); answers with whether all is done. */
export type Work = (until: number) => boolean

const waiting = new Fifo<Work>()
let isScheduled = false

/**
 * Goes on with what has come from a peer and takes longer than a moment: a slice at a time, in turn with the other connections
 * of the process, so that many frames in a few bytes hold up nobody else.
 */
export function goOnInTurns(work: Work): void {
  waiting.push(work)
  schedule()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(takeTurn)
}

function takeTurn(): void {
  isScheduled = false
  const begunAt = performance.now()
  for (let now = begunAt; waiting.length > 0 && now < begunAt + TURN_MS; now = performance.now()) {
    const work = waiting.shift()
    if (!work(now + SLICE_MS)) waiting.push(work)
  }
  if (waiting.length > 0) schedule()
}
