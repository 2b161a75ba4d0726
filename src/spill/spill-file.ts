import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Extent, SpillAllocator } from './spill-allocator.ts'

/** The place of a frame in a spill file. */
export interface Spilled {
  readonly extents: readonly Extent[]
  readonly byteLength: number
}

/**
 * An unlinked temporary file: the system deletes it when the process ends, even after a crash. Writes reuse the space of frames
 * that have been read, so that the file never exceeds its limit.
 */
export class SpillFile {
  readonly #handle: FileHandle
  readonly #allocator: SpillAllocator
  #byteLength = 0
  #trimmed: Promise<void> = Promise.resolve()

  private constructor(handle: FileHandle, limitBytes: number) {
    this.#handle = handle
    this.#allocator = new SpillAllocator(limitBytes)
  }

  /** @param directory by default the system's temporary directory @throws Error of the file system */
  static async create(limitBytes: number, directory: string = tmpdir()): Promise<SpillFile> {
    const folder = await mkdtemp(join(directory, 'flightgate-spill-'))
    try {
      return new SpillFile(await open(join(folder, 'spill'), 'wx+', 0o600), limitBytes)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Size of the file in bytes, including free extents. */
  get byteLength(): number {
    return this.#byteLength
  }

  hasRoomFor(byteLength: number): boolean {
    return this.#allocator.hasRoomFor(byteLength)
  }

  /** Writes a frame. Returns undefined if it exceeds the limit. @throws Error of the file system */
  async write(chunks: readonly Uint8Array[]): Promise<Spilled | undefined> {
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    const extents = this.#allocator.allocate(byteLength)
    if (!extents) return undefined
    this.#byteLength = Math.max(this.#byteLength, this.#allocator.end)
    // Wait for a pending truncate: after this write it would cut off the new bytes.
    await this.#trimmed
    let left = chunks
    for (const extent of extents) {
      const end = extent.at + extent.byteLength
      for (let position = extent.at; position < end; ) {
        const { bytesWritten } = await this.#handle.writev(firstOf(left, end - position), position)
        position += bytesWritten
        left = without(left, bytesWritten)
      }
    }
    return { extents, byteLength }
  }

  /** Reads a frame and frees its extents, so that it can be read only once. @throws Error of the file system */
  async read(spilled: Spilled): Promise<Buffer> {
    const bytes = await this.peek(spilled)
    this.free(spilled)
    return bytes
  }

  /** Reads a frame that stays in the file. @throws Error of the file system */
  async peek({ extents, byteLength }: Spilled): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(byteLength)
    let filled = 0
    for (const extent of extents)
      for (let done = 0; done < extent.byteLength; ) {
        const { bytesRead } = await this.#handle.read(bytes, filled, extent.byteLength - done, extent.at + done)
        if (bytesRead === 0) throw new Error('the spill file is shorter than what was written')
        done += bytesRead
        filled += bytesRead
      }
    return bytes
  }

  /** Frees the extents of a frame that is not needed any more. */
  free({ extents }: Spilled): void {
    this.#allocator.free(extents)
    this.#trim()
  }

  async close(): Promise<void> {
    await this.#trimmed
    await this.#handle.close()
  }

  /** Truncates the file to its last allocated extent. */
  #trim(): void {
    const { end } = this.#allocator
    if (end >= this.#byteLength) return
    this.#byteLength = end
    // The file works without the truncate too.
    this.#trimmed = this.#trimmed.then(() => this.#handle.truncate(end)).catch(() => {})
  }
}

/** The first `byteLength` bytes of the chunks. */
function firstOf(chunks: readonly Uint8Array[], byteLength: number): readonly Uint8Array[] {
  let left = byteLength
  const first: Uint8Array[] = []
  for (const chunk of chunks) {
    if (left === 0) break
    first.push(chunk.byteLength <= left ? chunk : chunk.subarray(0, left))
    left -= first.at(-1)!.byteLength
  }
  return first
}

/** The chunks without their first `byteLength` bytes. */
function without(chunks: readonly Uint8Array[], byteLength: number): readonly Uint8Array[] {
  let skip = byteLength
  let first = 0
  while (first < chunks.length && skip >= chunks[first]!.byteLength) skip -= chunks[first++]!.byteLength
  const left = chunks.slice(first)
  if (skip > 0) left[0] = left[0]!.subarray(skip)
  return left
}
