import { MemoryBlobs } from '../blobs.ts'
import { MemoryBus } from '../bus.ts'
import { MemoryStore } from '../memory.ts'
import { type BlobPiece, PIECE_BYTES, type StateCalls, type StateReply, type StateRequest } from './state-messages.ts'

/** Bounds of the state, in bytes. */
export interface HostBounds {
  readonly maxStoreBytes: number
  readonly maxBlobBytes: number
}

/** Sends a message to a worker. The callback is called when the system has taken the message, or the worker has ended. */
export type SendReply = (reply: StateReply, onSent: () => void) => void

/** Bytes of bus messages that may wait for a worker; a worker that has stopped reading misses further ones. */
const MAX_WAITING_BYTES = 8 << 20

type Handlers = { [Name in keyof StateCalls]: (...args: Parameters<StateCalls[Name]>) => unknown }

/** The state that the workers of one gateway share, in the memory of the process that started them. */
export class StateHost {
  readonly #store: MemoryStore
  readonly #blobs: MemoryBlobs
  readonly #bus = new MemoryBus()
  readonly #maxBlobBytes: number
  readonly #versions = new WeakMap<Uint8Array, number>()
  #lastVersion = 0
  /** Bytes of uploads in progress. */
  #uploadBytes = 0

  constructor({ maxStoreBytes, maxBlobBytes }: HostBounds) {
    this.#store = new MemoryStore(maxStoreBytes)
    this.#blobs = new MemoryBlobs(maxBlobBytes)
    this.#maxBlobBytes = maxBlobBytes
  }

  /** Serves a worker. @returns functions that take its calls, and end its subscriptions and uploads */
  serve(send: SendReply): { receive(request: StateRequest): void; close(): void } {
    const subscriptions = new Map<string, () => void>()
    const uploads = new Map<number, { readonly bytes: Uint8Array; filled: number }>()
    let waitingBytes = 0
    const publishTo = (topic: string, message: string) => {
      if (waitingBytes > MAX_WAITING_BYTES) return
      const size = message.length
      waitingBytes += size
      send({ topic, message }, () => {
        waitingBytes -= size
      })
    }
    const endUpload = (upload: number) => {
      const found = uploads.get(upload)
      if (uploads.delete(upload)) this.#uploadBytes -= found!.bytes.byteLength
      return found
    }
    const handlers: Handlers = {
      get: (key) => this.#store.get(key),
      set: (key, value, ttlMs) => this.#store.set(key, value, ttlMs),
      setIfAbsent: (key, value, ttlMs) => this.#store.setIfAbsent(key, value, ttlMs),
      touch: (key, ttlMs) => this.#store.touch(key, ttlMs),
      delete: (key) => this.#store.delete(key),
      increment: (key, by, ttlMs) => this.#store.increment(key, by, ttlMs),
      addMember: (key, member, ttlMs, max) => this.#store.addMember(key, member, ttlMs, max),
      removeMember: (key, member) => this.#store.removeMember(key, member),
      members: (key, max) => this.#store.members(key, max),
      readBlob: (key, offset, version) => this.#readBlob(key, offset, version),
      addToUpload: (upload, totalBytes, piece) => {
        let open = uploads.get(upload)
        if (!open) {
          if (this.#uploadBytes + totalBytes > this.#maxBlobBytes) throw new Error('too many uploads at the same time')
          this.#uploadBytes += totalBytes
          open = { bytes: new Uint8Array(totalBytes), filled: 0 }
          uploads.set(upload, open)
        }
        open.bytes.set(piece, open.filled)
        open.filled += piece.byteLength
      },
      endUpload: (upload, key, ttlMs, owner) => {
        const found = endUpload(upload)
        if (found?.filled !== found?.bytes.byteLength) throw new Error('the upload is not complete')
        return this.#blobs.set(key, found?.bytes ?? new Uint8Array(), ttlMs, owner)
      },
      publish: (topic, message) => this.#bus.publish(topic, message),
      subscribe: (topic) => {
        subscriptions.get(topic)?.()
        subscriptions.set(
          topic,
          this.#bus.subscribe(topic, (message) => publishTo(topic, message)),
        )
      },
      unsubscribe: (topic) => {
        subscriptions.get(topic)?.()
        subscriptions.delete(topic)
      },
    }
    const answer = async ({ id, call, args }: StateRequest): Promise<StateReply> => {
      try {
        const handler = handlers[call] as (...args: readonly unknown[]) => unknown
        return { id, value: await handler(...args) }
      } catch (error) {
        return { id, error: (error as Error).message }
      }
    }
    return {
      receive: (request) => {
        answer(request).then((reply) => send(reply, () => {}))
      },
      close: () => {
        for (const end of subscriptions.values()) end()
        for (const upload of [...uploads.keys()]) endUpload(upload)
      },
    }
  }

  async #readBlob(key: string, offset: number, version: number | undefined): Promise<BlobPiece | undefined> {
    const value = await this.#blobs.get(key)
    if (!value) return undefined
    const own = this.#versions.get(value) ?? ++this.#lastVersion
    this.#versions.set(value, own)
    if (version !== undefined && version !== own) return undefined
    return { totalBytes: value.byteLength, version: own, piece: value.subarray(offset, offset + PIECE_BYTES) }
  }
}
