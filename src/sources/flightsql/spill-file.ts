import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where bytes lie in a spill file. */
export interface Spilled {
  readonly at: number
  readonly byteLength: number
}

/** A temporary file without a name: it is gone with the process, whatever happens. */
export class SpillFile {
  readonly #handle: FileHandle
  #end = 0

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** @param directory by default the system's for temporary files @throws Error of the file system */
  static async create(directory: string = tmpdir()): Promise<SpillFile> {
    const folder = await mkdtemp(join(directory, 'flightgate-spill-'))
    try {
      return new SpillFile(await open(join(folder, 'spill'), 'wx+', 0o600))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#end
  }

  async write(chunks: readonly Uint8Array[]): Promise<Spilled> {
    const at = this.#end
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    this.#end += byteLength
    let left = Buffer.concat(chunks)
    for (let position = at; left.byteLength > 0; ) {
      const { bytesWritten } = await this.#handle.write(left, 0, left.byteLength, position)
      left = left.subarray(bytesWritten)
      position += bytesWritten
    }
    return { at, byteLength }
  }

  async read({ at, byteLength }: Spilled): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(byteLength)
    for (let filled = 0; filled < byteLength; ) {
      const { bytesRead } = await this.#handle.read(bytes, filled, byteLength - filled, at + filled)
      if (bytesRead === 0) throw new Error('the spill file is shorter than what was written')
      filled += bytesRead
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
