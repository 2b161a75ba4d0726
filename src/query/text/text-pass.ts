import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'

/** One pass over a text, in parts. */
export interface TextPass<T> {
  /** Reads about `characters` further characters, in time linear in that number. */
  advance(characters: number): void
  readonly isDone: boolean
  /** Returns what the pass has found. Call it only when `isDone`. */
  result(): T
}

/** The call that a text is read for. Only long texts use its signal. */
export interface Call {
  readonly signal: AbortSignal
}

/** Shorter texts are not cached: reading them again is cheaper than a look-up. */
const MIN_REMEMBERED_CHARACTERS = 4096
/** Cache size of each reader. A longer text is not cached. */
const MAX_REMEMBERED_CHARACTERS = 16 << 20
/** Texts up to this size are read synchronously, in well below 1 ms. */
const PART_CHARACTERS = 64 << 10
/** How long a pass may block the event loop, in milliseconds. */
const MAX_HOLD_MS = 4

/**
 * Runs a pass over texts of statements. Reads short texts synchronously. Reads long texts in parts, yields to the event loop
 * between them, and caches the result.
 */
export class TextReader<T> {
  readonly #startPass: (text: string) => TextPass<T>
  readonly #partCharacters: number
  readonly #remembered = new LRUCache<string, { readonly result: T }>({
    maxSize: MAX_REMEMBERED_CHARACTERS,
    sizeCalculation: (_result, text) => text.length,
  })

  /** @param partCharacters number of characters that a pass reads without a break, in well below 1 ms for most passes */
  constructor(startPass: (text: string) => TextPass<T>, partCharacters = PART_CHARACTERS) {
    this.#startPass = startPass
    this.#partCharacters = partCharacters
  }

  /**
   * Returns the result of a pass over the text.
   * @throws the signal's reason if it aborts during the pass over a long text
   */
  read(text: string, call?: Call): T | Promise<T> {
    const remembered = text.length >= MIN_REMEMBERED_CHARACTERS ? this.#remembered.get(text) : undefined
    if (remembered) return remembered.result
    const pass = this.#startPass(text)
    if (text.length > this.#partCharacters) return this.#readLong(text, pass, call?.signal)
    while (!pass.isDone) pass.advance(this.#partCharacters)
    return this.#keep(text, pass.result())
  }

  async #readLong(text: string, pass: TextPass<T>, signal: AbortSignal | undefined): Promise<T> {
    await runInSlices(pass, this.#partCharacters, signal)
    return this.#keep(text, pass.result())
  }

  #keep(text: string, result: T): T {
    if (text.length >= MIN_REMEMBERED_CHARACTERS) this.#remembered.set(text, { result })
    return result
  }
}

interface LongPass {
  readonly pass: TextPass<unknown>
  readonly partCharacters: number
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** The passes over long texts. They run round-robin; each turn of the event loop runs one slice of one pass. */
const waiting: LongPass[] = []
let isRunning = false

function runInSlices(pass: TextPass<unknown>, partCharacters: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ pass, partCharacters, signal, resolve, reject })
    if (!isRunning) void runWaiting()
  })
}

async function runWaiting(): Promise<void> {
  isRunning = true
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    await setImmediate()
    const { pass, partCharacters, signal, resolve, reject } = next
    try {
      signal?.throwIfAborted()
      const until = performance.now() + MAX_HOLD_MS
      while (!pass.isDone && performance.now() < until) pass.advance(partCharacters)
      if (pass.isDone) resolve()
      else waiting.push(next)
    } catch (error) {
      reject(error)
    }
  }
  isRunning = false
}
