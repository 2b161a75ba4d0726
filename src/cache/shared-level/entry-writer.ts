import type { Frame } from '../../arrow/ipc/frame.ts'
import type { CallMetadata } from '../../query/types.ts'
import { CHUNK_BYTES } from './chunk-codec.ts'
import type { EntryHead } from './entry-head.ts'
import { type EntryStore, LEASE_MS } from './entry-store.ts'
import { packedFrame, packedLength } from './packed-rows.ts'

/** What writers of a process share. */
export interface WriterParts {
  readonly store: EntryStore
  /** Takes memory for rows that wait. @returns false if too many wait */
  reserve(bytes: number): boolean
  release(bytes: number): void
  /** The rows were stored, or not: then there is an error, unless no reader wants them any more. */
  onEnd(isStored: boolean, error?: unknown): void
  onWritten(bytes: number): void
}

/** How a result is written. */
export interface WriterOptions {
  readonly key: string
  readonly head: EntryHead
  /** Whether this process has the lease, which it then renews. */
  readonly hasLease: boolean
  /** How long the rows are kept from now on, in milliseconds. */
  readonly ttlMs: number
  /** Another process reads the rows while they are written. */
  onFollowed(): void
}

/** A smaller result is stored in its head. */
const INLINE_BYTES = 32 * 1024
/** How long rows wait for further ones that fit into the same chunk, in milliseconds. */
const LINGER_MS = 10
const RENEW_MS = LEASE_MS / 6
/** Chunks of a run outlive their head by this time, in milliseconds: a reader that has the head gets them all. */
const SLACK_MS = 300_000

/** Writes the rows of one run in the background while they are recorded. It never delays the run: if Redis is too slow, it gives up. */
export class EntryWriter {
  readonly #parts: WriterParts
  readonly #options: WriterOptions
  readonly #pending: Uint8Array[] = []
  #pendingBytes = 0
  #byteLength = 0
  #chunks = 0
  /** Whether chunks were smaller by compression lately. */
  #isWorthwhile = true
  #hasRows = false
  #isComplete = false
  #isOver = false
  #isPumping = false
  #wake: (() => void) | undefined
  readonly #renewal: NodeJS.Timeout | undefined

  constructor(parts: WriterParts, options: WriterOptions) {
    this.#parts = parts
    this.#options = options
    if (options.hasLease) this.#renewal = setInterval(() => void this.#renew(), RENEW_MS).unref()
  }

  /** The schema and what belongs to the whole result. The frames stay as they are until they are written. */
  begin(schema: Frame, metadata: CallMetadata | undefined): void {
    const facts = Buffer.from(JSON.stringify(metadata ?? null))
    this.#add([{ chunks: [facts], byteLength: facts.byteLength, rows: 0 }, schema])
  }

  add(frames: readonly Frame[]): void {
    if (frames.length > 0) this.#hasRows = true
    this.#add(frames)
  }

  /** All rows have come. */
  complete(): void {
    this.#isComplete = true
    this.#pump()
  }

  /** The rows are of no use. */
  abandon(isLarge: boolean): void {
    void this.#giveUp(isLarge, undefined)
  }

  #add(frames: readonly Pick<Frame, 'chunks' | 'byteLength' | 'rows'>[]): void {
    if (this.#isOver) return
    const bytes = frames.reduce((sum, frame) => sum + packedLength(frame), 0)
    if (!this.#parts.reserve(bytes)) {
      void this.#giveUp(false, new Error('Redis takes the rows too slowly'))
      return
    }
    this.#pendingBytes += bytes
    this.#byteLength += bytes
    for (const frame of frames) this.#pending.push(...packedFrame(frame))
    this.#pump()
  }

  #pump(): void {
    this.#wake?.()
    if (this.#isPumping || this.#isOver || !(this.#hasRows || this.#isComplete)) return
    this.#isPumping = true
    void this.#write()
      .catch((error: unknown) => this.#giveUp(false, error))
      .finally(() => {
        this.#isPumping = false
      })
  }

  async #write(): Promise<void> {
    const { key, head, ttlMs } = this.#options
    const { store } = this.#parts
    while (!this.#isOver) {
      if (this.#pendingBytes < CHUNK_BYTES && !this.#isComplete) await this.#linger()
      if (this.#isOver) return
      const isLast = this.#isComplete && this.#pendingBytes <= CHUNK_BYTES
      if (this.#pendingBytes === 0 && !isLast) return
      const bytes = this.#take()
      if (isLast && this.#chunks === 0 && bytes.byteLength <= INLINE_BYTES) {
        const { value } = await store.sealInline(key, head.version, { bytes, isLast })
        return await this.#finish(value)
      }
      const chunk = { bytes, isLast }
      const life = ttlMs + SLACK_MS
      const sealed = await store.putChunk(key, head.version, this.#chunks, chunk, this.#isWorthwhile, life)
      this.#isWorthwhile &&= sealed.isCompressed
      this.#chunks++
      this.#parts.onWritten(sealed.value.byteLength)
      if (isLast) return await this.#finish(undefined)
    }
  }

  async #finish(inline: Buffer | undefined): Promise<void> {
    if (this.#isOver) return
    this.#end()
    const { key, head, ttlMs } = this.#options
    const whole = { ...head, chunks: this.#chunks, byteLength: this.#byteLength }
    if (inline) this.#parts.onWritten(inline.byteLength)
    try {
      this.#parts.onEnd(await this.#parts.store.finish(key, whole, inline, ttlMs))
    } catch (error) {
      this.#parts.onEnd(false, error)
    }
  }

  /** Waits for further rows, for a while. */
  async #linger(): Promise<void> {
    const until = performance.now() + LINGER_MS
    while (this.#pendingBytes < CHUNK_BYTES && !this.#isComplete && !this.#isOver) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
  }

  /** Takes the bytes of one chunk. */
  #take(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.#pendingBytes))
    let at = 0
    let whole = 0
    while (at < bytes.byteLength) {
      const part = this.#pending[whole]!
      const taken = part.subarray(0, bytes.byteLength - at)
      bytes.set(taken, at)
      at += taken.byteLength
      if (taken.byteLength < part.byteLength) this.#pending[whole] = part.subarray(taken.byteLength)
      else whole++
    }
    this.#pending.splice(0, whole)
    this.#pendingBytes -= at
    this.#parts.release(at)
    return bytes
  }

  async #renew(): Promise<void> {
    const { key, head, onFollowed } = this.#options
    try {
      const { isFollowed } = await this.#parts.store.renew(key, head.version)
      if (isFollowed && !this.#isOver) onFollowed()
    } catch {
      // The lease may end: then others run the statement too.
    }
  }

  async #giveUp(isLarge: boolean, error: unknown): Promise<void> {
    if (this.#isOver) return
    this.#end()
    const { key, head } = this.#options
    this.#parts.onEnd(false, error)
    await this.#parts.store.abandon(key, isLarge ? { ...head, isLarge } : head, this.#chunks + 1).catch(() => {})
  }

  #end(): void {
    this.#isOver = true
    clearInterval(this.#renewal)
    this.#parts.release(this.#pendingBytes)
    this.#pendingBytes = 0
    this.#pending.length = 0
    this.#wake?.()
  }
}
