import type { Frame } from '../../arrow/ipc/frame.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import { GatewayError } from '../../query/errors.ts'
import type { CallMetadata, Result } from '../../query/types.ts'
import type { Chunk } from './chunk-codec.ts'
import type { EntryHead, StoredHead } from './entry-head.ts'
import type { EntryStore } from './entry-store.ts'
import { FrameAssembler } from './packed-rows.ts'

/** The rows of an entry are missing or damaged, or its run has ended without them. Nothing was read. */
export class EntryGone extends Error {
  override readonly name = 'EntryGone'
}

/** An entry to read: whole, or while its run goes on elsewhere. */
export type ReadableEntry = StoredHead & { readonly key: string; readonly isRunning: boolean }

/** Chunks of a whole result that are fetched ahead. */
const READ_AHEAD = 4
/** Time between two looks for the next chunk of a run, in milliseconds: at first, and at most. */
const FIRST_POLL_MS = 1
const MAX_POLL_MS = 50
/** Time between two signs that this process follows a run, in milliseconds. */
const FOLLOW_MS = 1500

/** Reads a result from Redis chunk by chunk, with a bounded number of chunks ahead, also while another process still writes it. */
export class EntryReader implements AsyncIterableIterator<readonly Frame[]> {
  readonly #store: EntryStore
  readonly #key: string
  readonly #signal: AbortSignal
  readonly #assembler = new FrameAssembler()
  readonly #fetches: Promise<Chunk>[] = []
  #head: EntryHead
  #inline: Buffer | undefined
  #isRunning: boolean
  #next = 0
  #first: readonly Frame[] | undefined
  #isOver = false
  #followedAt = Number.NEGATIVE_INFINITY

  /** @param signal ends the reading */
  constructor(store: EntryStore, { key, head, inline, isRunning }: ReadableEntry, signal: AbortSignal) {
    this.#store = store
    this.#key = key
    this.#head = head
    this.#inline = inline
    this.#isRunning = isRunning
    this.#signal = signal
  }

  /** Reads until the first rows. @throws EntryGone if the entry is of no use; what the signal tells */
  async open(): Promise<Result> {
    const frames: Frame[] = []
    try {
      while (frames.length < 3) {
        const more = await this.#read()
        if (!more) break
        frames.push(...more)
      }
    } catch (cause) {
      this.#isOver = true
      this.#signal.throwIfAborted()
      throw new EntryGone('The rows in Redis are of no use.', { cause })
    }
    const [facts, schema, ...rows] = frames
    if (!facts || !schema) throw new EntryGone('The rows in Redis have no schema.')
    if (rows.length > 0) this.#first = rows
    const metadata = JSON.parse(Buffer.concat(facts.chunks).toString()) as CallMetadata | null
    const stats = { rows: 0, bytes: 0, affectedRows: -1 }
    return { schema, frames: this, stats, ...(metadata && { metadata }) }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** @throws GatewayError CACHE_LOST */
  async next(): Promise<IteratorResult<readonly Frame[]>> {
    const first = this.#first
    this.#first = undefined
    if (first) return { done: false, value: first }
    if (this.#isOver) return { done: true, value: undefined }
    try {
      const frames = await this.#read()
      if (frames) return { done: false, value: frames }
    } catch (cause) {
      this.#isOver = true
      this.#signal.throwIfAborted()
      throw new GatewayError('CACHE_LOST', undefined, { cause })
    }
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#isOver = true
    return { done: true, value: undefined }
  }

  /** The next frames; undefined at the end. @throws Error if a chunk is missing or damaged */
  async #read(): Promise<readonly Frame[] | undefined> {
    while (!this.#isOver) {
      const { bytes, isLast } = await this.#chunk()
      const frames = this.#assembler.push(bytes)
      if (isLast) {
        this.#isOver = true
        if (!this.#assembler.isWhole) throw new Error('the last frame is not whole')
      }
      if (frames.length > 0) return frames
    }
    return undefined
  }

  async #chunk(): Promise<Chunk> {
    this.#fetchAhead()
    const fetched = this.#fetches.shift()
    if (!fetched) throw new Error('the last chunk is missing')
    return await fetched
  }

  #fetchAhead(): void {
    const { chunks = Number.POSITIVE_INFINITY } = this.#head
    const ahead = this.#isRunning ? 1 : READ_AHEAD
    const count = this.#inline ? 1 : chunks
    while (this.#fetches.length < ahead && this.#next < count) {
      const fetch = this.#fetch(this.#next++)
      // A fetch that is not awaited any more may fail.
      fetch.catch(() => {})
      this.#fetches.push(fetch)
    }
  }

  async #fetch(index: number): Promise<Chunk> {
    let waitMs = FIRST_POLL_MS
    for (;;) {
      this.#signal.throwIfAborted()
      const wasRunning = this.#isRunning
      const { version } = this.#head
      if (wasRunning) this.#tellLeader(version)
      const chunk = this.#inline
        ? await this.#store.inlineChunk(this.#key, version, this.#inline)
        : await this.#store.chunk(this.#key, version, index)
      if (chunk === 'corrupt') throw await this.#damaged()
      if (chunk) return chunk
      if (!wasRunning) throw await this.#damaged()
      await this.#look()
      if (!this.#isRunning) continue
      await untilAborted(new Promise((resolve) => setTimeout(resolve, waitMs)), this.#signal)
      waitMs = Math.min(MAX_POLL_MS, waitMs * 2)
    }
  }

  /** Tells the process that runs the statement that its rows are wanted here, whatever its own clients do. */
  #tellLeader(version: string): void {
    if (performance.now() - this.#followedAt < FOLLOW_MS) return
    this.#followedAt = performance.now()
    this.#store.follow(this.#key, version).catch(() => {})
  }

  /** Looks whether the run still goes on. */
  async #look(): Promise<void> {
    const { version } = this.#head
    const { stored, running } = await this.#store.find(this.#key)
    if (running?.version === version && !running.isLarge) return
    // It has ended: what it has written is there, or never will be.
    this.#isRunning = false
    if (stored?.head.version !== version) return
    this.#head = stored.head
    this.#inline = stored.inline
  }

  async #damaged(): Promise<Error> {
    await this.#store.remove(this.#key, this.#head).catch(() => {})
    return new Error('a chunk is missing or damaged')
  }
}
