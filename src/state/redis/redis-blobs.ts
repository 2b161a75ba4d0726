import { randomBytes } from 'node:crypto'
import { concurrently } from '../../async/concurrently.ts'
import { Semaphore } from '../../async/semaphore.ts'
import type { Blobs } from '../blobs.ts'
import { StateTimeout } from '../state-timeout.ts'
import { admitBlob } from './blob-scripts.ts'
import type { RedisConnection } from './redis-connection.ts'
import { wholeMs } from './redis-store.ts'
import { openValue, sealValue } from './sealed-value.ts'

/** Largest value of one command, so that no command keeps Redis busy for long. */
export const CHUNK_BYTES = 512 * 1024
/** Chunks of all blobs that are on their way at the same time, and of one blob. */
const MAX_CHUNKS_IN_FLIGHT = 8
const MAX_CHUNKS_OF_BLOB = 4
/** Longest wait of a chunk for its turn, in milliseconds. */
const TURN_MS = 10_000
const MAX_UNLINKS = 32
/** First byte of a blob's own value: its bytes follow, or the facts about its chunks. */
const INLINE = 0
const CHUNKED = 1

interface Manifest {
  /** Part of the names of the chunks: a blob that replaces another one has chunks of its own. */
  readonly version: string
  readonly byteLength: number
}

/**
 * Blobs in Redis. Large ones are stored as chunks, and a reader sees them once they are complete. The blobs of one owner are bounded
 * in bytes: those that expire first make room. Each value has a checksum; a blob with a value that is missing or changed is absent.
 */
export class RedisBlobs implements Blobs {
  readonly #redis: RedisConnection
  readonly #maxOwnerBytes: number
  readonly #turns = new Semaphore(MAX_CHUNKS_IN_FLIGHT)

  /** The owner of the connection closes it. @param maxOwnerBytes bound of the blobs of one owner, in bytes */
  constructor(redis: RedisConnection, maxOwnerBytes: number) {
    this.#redis = redis
    this.#maxOwnerBytes = maxOwnerBytes
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const head = await this.#read(this.#nameOf(key))
    if (!head) return undefined
    if (head[0] === INLINE) return new Uint8Array(head.subarray(1))
    const { version, byteLength } = JSON.parse(head.subarray(1).toString()) as Manifest
    const whole = new Uint8Array(byteLength)
    let isWhole = true
    await concurrently(offsetsOf(byteLength), MAX_CHUNKS_OF_BLOB, async (offset) => {
      const chunk = isWhole ? await this.#read(this.#chunkOf(key, version, offset)) : undefined
      isWhole &&= chunk !== undefined && chunk.byteLength === Math.min(CHUNK_BYTES, byteLength - offset)
      if (isWhole) whole.set(chunk!, offset)
    })
    return isWhole ? whole : undefined
  }

  async set(key: string, value: Uint8Array, ttlMs: number, owner: string): Promise<void> {
    const { byteLength } = value
    if (byteLength > this.#maxOwnerBytes) return
    const version = randomBytes(9).toString('base64url')
    await this.#admit(key, { version, byteLength }, ttlMs, owner)
    if (byteLength < CHUNK_BYTES) return await this.#write(this.#nameOf(key), [INLINE], value, ttlMs)
    await concurrently(offsetsOf(byteLength), MAX_CHUNKS_OF_BLOB, async (offset) => {
      const chunk = value.subarray(offset, offset + CHUNK_BYTES)
      await this.#write(this.#chunkOf(key, version, offset), [], chunk, ttlMs)
    })
    await this.#write(this.#nameOf(key), [CHUNKED], Buffer.from(JSON.stringify({ version, byteLength })), ttlMs)
  }

  async close(): Promise<void> {}

  /** Makes room for a blob among those of its owner. */
  async #admit(key: string, { version, byteLength }: Manifest, ttlMs: number, owner: string): Promise<void> {
    const set = `${this.#redis.keyPrefix}blobs:{of:${owner}}`
    const args = [key, byteLength, version, wholeMs(ttlMs), this.#maxOwnerBytes]
    const gone = (await this.#redis.run(admitBlob, [set, `${set}:facts`], ...args)) as string[]
    const names: string[] = []
    for (let i = 0; i < gone.length; i += 2) {
      const [bytes, its = ''] = gone[i + 1]!.split(' ')
      if (gone[i] !== key) names.push(this.#nameOf(gone[i]!))
      if (Number(bytes) >= CHUNK_BYTES)
        names.push(...offsetsOf(Number(bytes)).map((offset) => this.#chunkOf(gone[i]!, its, offset)))
    }
    await concurrently(names, MAX_UNLINKS, async (name) => {
      await this.#redis.call((client) => client.unlink(name), 'bulk')
    })
  }

  async #read(name: string): Promise<Buffer | undefined> {
    const sealed = await this.#inTurn(async () => await this.#redis.call((client) => client.getBuffer(name), 'bulk'))
    if (sealed === null) return undefined
    const value = openValue(name, sealed)
    if (!value) this.#redis.observer.onCorrupt()
    return value
  }

  async #write(name: string, kind: readonly number[], value: Uint8Array, ttlMs: number): Promise<void> {
    const sealed = sealValue(name, kind.length === 0 ? value : Buffer.concat([Buffer.from(kind), value]))
    await this.#inTurn(
      async () => await this.#redis.call((client) => client.set(name, sealed, 'PX', wholeMs(ttlMs)), 'bulk'),
    )
  }

  /** The time limit of a command counts from here: what waits for others does not time out. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#turns.take(undefined, TURN_MS)
    if (!release) throw new StateTimeout(TURN_MS)
    try {
      return await work()
    } finally {
      release()
    }
  }

  #nameOf(key: string): string {
    return `${this.#redis.keyPrefix}blob:${key}`
  }

  #chunkOf(key: string, version: string, offset: number): string {
    return `${this.#redis.keyPrefix}chunk:${version}:${offset}:${key}`
  }
}

function offsetsOf(byteLength: number): number[] {
  return Array.from({ length: Math.ceil(byteLength / CHUNK_BYTES) }, (_, i) => i * CHUNK_BYTES)
}
