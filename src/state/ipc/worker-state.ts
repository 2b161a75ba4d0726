import type { Blobs } from '../blobs.ts'
import { type Bus, MemoryBus } from '../bus.ts'
import type { StatePorts } from '../state-ports.ts'
import { StateTimeout } from '../state-timeout.ts'
import type { Store } from '../store.ts'
import { type BlobPiece, PIECE_BYTES, type StateCalls, type StateReply, type StateRequest } from './state-messages.ts'

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A call with a time limit. */
type Call = <Name extends keyof StateCalls>(
  call: Name,
  ...args: Parameters<StateCalls[Name]>
) => Promise<ReturnType<StateCalls[Name]>>

/** Time limit of a piece of a blob: the whole blob may take longer. */
const PIECE_MS = 1000
/** A blob that is replaced while it is read is read again this many times. */
const MAX_READS = 3

/** The side of a worker: calls of the state go as messages to the process that holds it. */
export class WorkerState {
  readonly #send: (request: StateRequest) => void
  readonly #pieceMs: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #local = new MemoryBus()
  readonly #topics = new Map<string, number>()
  #lastId = 0
  #lastUpload = 0
  #isClosed = false

  /** @param pieceMs time limit of a piece of a blob */
  constructor(send: (request: StateRequest) => void, pieceMs = PIECE_MS) {
    this.#send = send
    this.#pieceMs = pieceMs
  }

  /** Takes an answer, or a message of the bus. */
  receive(reply: StateReply): void {
    if ('topic' in reply) {
      // A subscriber that cannot read the message misses it.
      this.#local.publish(reply.topic, reply.message).catch(() => {})
      return
    }
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.error !== undefined) waiting?.reject(new Error(reply.error))
    else waiting?.resolve(reply.value)
  }

  /** The other process has ended: calls fail from now on. */
  disconnected(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(new Error('the process that holds the state has ended'))
    this.#waiting.clear()
  }

  /** The ports, unguarded. */
  get ports(): StatePorts {
    return { store: this.#store(), blobs: this.#blobs(), bus: this.#bus() }
  }

  async #call<Name extends keyof StateCalls>(
    call: Name,
    ...args: Parameters<StateCalls[Name]>
  ): Promise<ReturnType<StateCalls[Name]>> {
    if (this.#isClosed) throw new Error('the process that holds the state has ended')
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { resolve, reject })
    this.#send({ id, call, args })
    return (await promise) as ReturnType<StateCalls[Name]>
  }

  #store(): Store {
    return {
      get: (key) => this.#call('get', key),
      set: (key, value, ttlMs) => this.#call('set', key, value, ttlMs),
      setIfAbsent: (key, value, ttlMs) => this.#call('setIfAbsent', key, value, ttlMs),
      touch: (key, ttlMs) => this.#call('touch', key, ttlMs),
      delete: (key) => this.#call('delete', key),
      increment: (key, by, ttlMs) => this.#call('increment', key, by, ttlMs),
      addMember: (key, member, ttlMs, max) => this.#call('addMember', key, member, ttlMs, max),
      removeMember: (key, member) => this.#call('removeMember', key, member),
      members: (key, max) => this.#call('members', key, max),
      close: async () => {},
    }
  }

  #blobs(): Blobs {
    const call: Call = (name, ...args) => within(this.#pieceMs, this.#call(name, ...args))
    return {
      get: async (key) => {
        for (let reads = 0; reads < MAX_READS; reads++) {
          const first = await call('readBlob', key, 0, undefined)
          if (!first) return undefined
          const whole = await readRest(call, key, first)
          if (whole) return whole
        }
        return undefined
      },
      set: async (key, value, ttlMs, owner) => {
        const upload = ++this.#lastUpload
        for (let at = 0; at < value.byteLength; at += PIECE_BYTES)
          await call('addToUpload', upload, value.byteLength, value.subarray(at, at + PIECE_BYTES))
        await call('endUpload', upload, key, ttlMs, owner)
      },
      close: async () => {},
    }
  }

  #bus(): Bus {
    return {
      publish: (topic, message) => this.#call('publish', topic, message),
      subscribe: (topic, listener) => {
        const end = this.#local.subscribe(topic, listener)
        const count = this.#topics.get(topic) ?? 0
        this.#topics.set(topic, count + 1)
        if (count === 0) this.#call('subscribe', topic).catch(() => {})
        let isSubscribed = true
        return () => {
          if (!isSubscribed) return
          isSubscribed = false
          end()
          const left = this.#topics.get(topic)! - 1
          this.#topics.set(topic, left)
          if (left > 0) return
          this.#topics.delete(topic)
          this.#call('unsubscribe', topic).catch(() => {})
        }
      },
      close: async () => {},
    }
  }
}

/** The whole blob; undefined if it has been replaced or evicted meanwhile. */
async function readRest(
  call: Call,
  key: string,
  { totalBytes, version, piece }: BlobPiece,
): Promise<Uint8Array | undefined> {
  if (piece.byteLength === totalBytes) return piece
  const whole = new Uint8Array(totalBytes)
  whole.set(piece)
  for (let at = piece.byteLength; at < totalBytes; ) {
    const next = await call('readBlob', key, at, version)
    if (!next) return undefined
    whole.set(next.piece, at)
    at += next.piece.byteLength
  }
  return whole
}

/** @throws StateTimeout */
async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new StateTimeout(ms)), ms)
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
