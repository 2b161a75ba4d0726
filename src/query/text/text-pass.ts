import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'

/** One pass over a text, done in parts. */
export interface TextPass<T> {
  /** Reads on, about so many characters; what it takes grows with their number and with nothing else. */
  advance(characters: number): void
  readonly isDone: boolean
  /** What the pass has found; only when it is done. */
  result(): T
}

/** For what a text is read; its signal is asked for only when that takes long. */
export interface Call {
  readonly signal: AbortSignal
}

/** Shorter texts cost less to read again than to look up. */
const MIN_REMEMBERED_CHARACTERS = 4096
/** Of each reader; a text that is longer is read again where it is needed again. */
const MAX_REMEMBERED_CHARACTERS = 16 << 20
/** Texts up to this are read at once; it takes well below a millisecond. */
const PART_CHARACTERS = 64 << 10
/** How long a pass holds the event loop. */
const MAX_HOLD_MS = 4

/**
 * Reads texts of statements, each once: what was found in long ones is remembered. Short ones are read at once, long ones in
 * parts, between which the event loop goes on.
 */
export class TextReader<T> {
  readonly #startPass: (text: string) => TextPass<T>
  readonly #remembered = new LRUCache<string, { readonly result: T }>({
    maxSize: MAX_REMEMBERED_CHARACTERS,
    sizeCalculation: (_result, text) => text.length,
  })

  constructor(startPass: (text: string) => TextPass<T>) {
    this.#startPass = startPass
  }

  /**
   * What a pass over the text finds.
   * @throws the signal's reason when it aborts before the pass over a long text is done
   */
  read(text: string, call?: Call): T | Promise<T> {
    const remembered = text.length >= MIN_REMEMBERED_CHARACTERS ? this.#remembered.get(text) : undefined
    if (remembered) return remembered.result
    const pass = this.#startPass(text)
    if (text.length > PART_CHARACTERS) return this.#readLong(text, pass, call?.signal)
    while (!pass.isDone) pass.advance(PART_CHARACTERS)
    return this.#keep(text, pass.result())
  }

  async #readLong(text: string, pass: TextPass<T>, signal: AbortSignal | undefined): Promise<T> {
    await inTurns(pass, signal)
    return this.#keep(text, pass.result())
  }

  #keep(text: string, result: T): T {
    if (text.length >= MIN_REMEMBERED_CHARACTERS) this.#remembered.set(text, { result })
    return result
  }
}

interface LongPass {
  readonly pass: TextPass<unknown>
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** The passes over long texts. They take turns, of which one at a time comes between what else the event loop does. */
const waiting: LongPass[] = []
let isGivingTurns = false

function inTurns(pass: TextPass<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ pass, signal, resolve, reject })
    if (!isGivingTurns) void giveTurns()
  })
}

async function giveTurns(): Promise<void> {
  isGivingTurns = true
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    await setImmediate()
    const { pass, signal, resolve, reject } = next
    try {
      signal?.throwIfAborted()
      const until = performance.now() + MAX_HOLD_MS
      while (!pass.isDone && performance.now() < until) pass.advance(PART_CHARACTERS)
      if (pass.isDone) resolve()
      else waiting.push(next)
    } catch (error) {
      reject(error)
    }
  }
  isGivingTurns = false
}
