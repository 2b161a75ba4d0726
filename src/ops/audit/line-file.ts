import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'

/** Receives what becomes of lines. */
export interface LineFileObserver {
  /** A write failed for the first time since one succeeded, or for the first time in a while. */
  onFailure(error: Error): void
  /** Writing works again. @param lost lines that were dropped since it failed */
  onRecovery(lost: number): void
  /** Lines were dropped, because too many bytes wait. */
  onLost(count: number): void
}

/** Settings of `LineFile`. */
export interface LineFileOptions {
  readonly path: string
  /** Bytes of lines that may wait while the file cannot be written. */
  readonly maxPendingBytes: number
  readonly observer: LineFileObserver
}

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const MODE = 0o640
/** Most bytes of one write. */
const MAX_WRITE_BYTES = 1 << 20
/** How often a file that cannot be written is tried again, and how often that is reported, in milliseconds. */
const RETRY_MS = 1000
const REPORT_MS = 60_000
/** How long a renamed or deleted file may go unnoticed, in milliseconds. */
const CHECK_MS = 250

interface Line {
  readonly bytes: Buffer
}

/**
 * Appends lines to a file that other processes may append to, and that other tools rotate: renamed or deleted, it is created anew
 * within a quarter of a second of the next line; truncated, it goes on at its start. Each write holds whole lines and goes to the end of the file
 * (O_APPEND), so that lines of several processes do not mix.
 */
export class LineFile {
  readonly #path: string
  readonly #maxPendingBytes: number
  readonly #observer: LineFileObserver
  #file: FileHandle | undefined
  /** Device and inode of the open file. */
  #identity = ''
  #checkedAt = 0
  #mustReopen = false
  #pending: Line[] = []
  #pendingBytes = 0
  #lost = 0
  #failure: Error | undefined
  #reportedAt = 0
  /** Whether the end of the file may be a part of a line. */
  #isTorn = false
  #writing: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor({ path, maxPendingBytes, observer }: LineFileOptions) {
    this.#path = path
    this.#maxPendingBytes = maxPendingBytes
    this.#observer = observer
  }

  /** Opens the file, which is created if needed. @throws Error of the file system */
  static async open(options: LineFileOptions): Promise<LineFile> {
    const file = new LineFile(options)
    await file.#open()
    return file
  }

  /** Why lines cannot be written now, or were dropped since the last ones were; undefined if neither. */
  get failure(): Error | undefined {
    return this.#failure ?? (this.#lost > 0 ? new Error('too many lines wait to be written') : undefined)
  }

  /** Bytes of lines that wait. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Takes a line without its line feed, to be written soon. It is dropped, and counted, if too many bytes wait. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    if (this.#isClosed || this.#pendingBytes + bytes.byteLength > this.#maxPendingBytes) {
      this.#lost++
      this.#observer.onLost(1)
      return
    }
    this.#pending.push({ bytes })
    this.#pendingBytes += bytes.byteLength
    if (this.#retry === undefined) this.#begin()
  }

  /** Opens the file of this name anew before the next line, as after a rotation. */
  reopen(): void {
    this.#mustReopen = true
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#begin()
  }

  /** Writes what waits, once more if the file could not be written, and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#writing
    if (this.#pending.length > 0) await this.#drain()
    clearTimeout(this.#retry)
    await this.#file?.close().catch(() => {})
    this.#file = undefined
  }

  #begin(): void {
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
      if (this.#pending.length > 0 && this.#retry === undefined && !this.#isClosed) this.#begin()
    })
  }

  async #drain(): Promise<void> {
    // Lines of the same turn go together.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      do {
        await this.#follow()
        await this.#writeSome()
      } while (this.#pending.length > 0)
      this.#works()
    } catch (error) {
      this.#fails(error as Error)
    }
  }

  /** Opens the file anew if the name now belongs to another file, or to none. @throws Error of the file system */
  async #follow(): Promise<void> {
    const now = performance.now()
    if (this.#file && !this.#mustReopen && !this.#failure && now - this.#checkedAt < CHECK_MS) return
    this.#checkedAt = now
    const found = this.#file && !this.#mustReopen ? await identityOf(this.#path) : undefined
    if (this.#file && found === this.#identity) return
    this.#mustReopen = false
    const old = this.#file
    await this.#open()
    await old?.close().catch(() => {})
  }

  async #open(): Promise<void> {
    const file = await open(this.#path, FLAGS, MODE)
    const { dev, ino } = await file.stat()
    this.#identity = `${dev}:${ino}`
    this.#file = file
    this.#isTorn = false
    this.#checkedAt = performance.now()
  }

  /** Writes the oldest lines by one call. Those that it could not write wait on. @throws Error of the file system */
  async #writeSome(): Promise<void> {
    const parts: Buffer[] = []
    let byteLength = 0
    for (const { bytes } of this.#pending) {
      if (parts.length > 0 && byteLength + bytes.byteLength > MAX_WRITE_BYTES) break
      parts.push(bytes)
      byteLength += bytes.byteLength
    }
    if (parts.length === 0) return
    // A part of a line at the end of the file becomes a line of its own; the whole line follows.
    const head = this.#isTorn ? Buffer.from('\n') : Buffer.alloc(0)
    const { bytesWritten } = await this.#file!.write(Buffer.concat([head, ...parts]))
    let left = Math.max(0, bytesWritten - head.byteLength)
    let whole = 0
    while (whole < parts.length && left >= parts[whole]!.byteLength) left -= parts[whole++]!.byteLength
    this.#isTorn = left > 0 || (this.#isTorn && bytesWritten === 0)
    this.#pending = this.#pending.slice(whole)
    for (const { byteLength: taken } of parts.slice(0, whole)) this.#pendingBytes -= taken
    if (bytesWritten === 0) throw new Error('the file takes no more bytes')
  }

  #works(): void {
    if (!this.#failure && this.#lost === 0) return
    const lost = this.#lost
    this.#failure = undefined
    this.#reportedAt = 0
    this.#lost = 0
    this.#observer.onRecovery(lost)
  }

  #fails(error: Error): void {
    this.#failure = error
    const now = performance.now()
    if (this.#reportedAt === 0 || now - this.#reportedAt >= REPORT_MS) {
      this.#reportedAt = now
      this.#observer.onFailure(error)
    }
    if (this.#isClosed) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#begin()
    }, RETRY_MS).unref()
  }
}

/** Device and inode of the file with this name; undefined if there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && `${found.dev}:${found.ino}`
}
