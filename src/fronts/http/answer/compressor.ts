import type { Transform } from 'node:stream'
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib'

/** Content encodings, the preferred one first. */
export const encodings = ['zstd', 'br', 'gzip'] as const
export type Encoding = (typeof encodings)[number]

/** Bytes that are compressed before what comes of them is handed on. */
const SLICE_BYTES = 256 << 10

/** Fast levels: a gateway compresses for the network, not for an archive. */
const streams = {
  gzip: () => createGzip({ level: 4, flush: constants.Z_NO_FLUSH }),
  br: () =>
    createBrotliCompress({
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 19 },
    }),
  zstd: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
} as const satisfies Record<Encoding, () => unknown>

const flushes = {
  gzip: constants.Z_SYNC_FLUSH,
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
} as const satisfies Record<Encoding, number>

/** A compression stream, on the threads of libuv. */
type ZlibStream = Transform & { flush(kind: number, done: () => void): void }

/** Compresses an answer piece by piece. All that a client needs to read a piece leaves with that piece. */
export class Compressor {
  readonly #stream: ZlibStream
  readonly #flush: number
  #out: Buffer[] = []
  #onError: ((error: Error) => void) | undefined

  constructor(encoding: Encoding) {
    this.#stream = streams[encoding]() as ZlibStream
    this.#flush = flushes[encoding]
    this.#stream.on('data', (bytes: Buffer) => this.#out.push(bytes))
    this.#stream.on('error', (error: Error) => this.#onError?.(error))
  }

  /** Compresses a piece. Yields what comes of it, in parts of bounded size; the last part completes what the client can read. */
  async *push(chunks: readonly Uint8Array[]): AsyncGenerator<readonly Buffer[]> {
    for (const chunk of chunks)
      for (let at = 0; at < chunk.byteLength; at += SLICE_BYTES) {
        const slice = chunk.subarray(at, at + SLICE_BYTES)
        yield await this.#step((done) => this.#stream.write(slice, done))
      }
    yield await this.#step((done) => this.#stream.flush(this.#flush, done))
  }

  /** Ends the stream and returns the rest of it. */
  async finish(): Promise<readonly Buffer[]> {
    return await this.#step((done) => this.#stream.once('end', done).end())
  }

  /** Frees the memory of the stream. */
  destroy(): void {
    this.#stream.destroy()
  }

  async #step(work: (done: () => void) => void): Promise<readonly Buffer[]> {
    await new Promise<void>((resolve, reject) => {
      this.#onError = reject
      work(resolve)
    })
    // What was compressed may be handed out only in the next turn.
    if (this.#stream.readableLength > 0) await new Promise((resolve) => setImmediate(resolve))
    const out = this.#out
    this.#out = []
    return out
  }
}
