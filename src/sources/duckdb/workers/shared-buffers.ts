import { type BodyReference, BUSY_FLAGS, MAX_POOLED_BODIES, UNPOOLED } from './messages.ts'

const MIN_BYTES = 4096

/**
 * A pool of body memory, shared with the main thread. The worker reuses a body as soon as the main thread clears its busy
 * flag: no message goes back, no transfer, and no page faults of new memory.
 */
export class SharedBuffers {
  readonly #control: Int32Array
  readonly #bodies: Uint8Array<SharedArrayBuffer>[] = []
  readonly #sent = new Set<SharedArrayBuffer>()
  /** Allocated, and not yet sent to the main thread. */
  readonly #unsent = new Set<number>()

  /** @param control the memory shared with the main thread, see `Control` */
  constructor(control: Int32Array) {
    this.#control = control
  }

  /** Memory of at least `bytes` bytes, with undefined contents. */
  readonly allocate = (bytes: number): Uint8Array<SharedArrayBuffer> => {
    let replaceable = -1
    for (let id = 0; id < this.#bodies.length; id++) {
      if (Atomics.load(this.#control, BUSY_FLAGS + id) !== 0) continue
      const body = this.#bodies[id]!
      if (body.byteLength >= bytes) return this.#reserve(id)
      replaceable = id
    }
    const fresh = new Uint8Array(new SharedArrayBuffer(sizeClass(bytes)))
    if (this.#bodies.length < MAX_POOLED_BODIES) return this.#reserve(this.#bodies.push(fresh) - 1)
    if (replaceable < 0) return fresh
    this.#sent.delete(this.#bodies[replaceable]!.buffer)
    this.#bodies[replaceable] = fresh
    return this.#reserve(replaceable)
  }

  /** The reference by which the main thread finds a body from `allocate`. */
  referenceTo(body: Uint8Array<SharedArrayBuffer>): BodyReference {
    const { buffer } = body
    const id = this.#bodies.findIndex((each) => each.buffer === buffer)
    if (id < 0) return { id: UNPOOLED, memory: buffer }
    this.#unsent.delete(id)
    if (this.#sent.has(buffer)) return { id }
    this.#sent.add(buffer)
    return { id, memory: buffer }
  }

  /** Frees the bodies that will not be sent, as when a request is stopped. */
  freeUnsent(): void {
    for (const id of this.#unsent) Atomics.store(this.#control, BUSY_FLAGS + id, 0)
    this.#unsent.clear()
  }

  #reserve(id: number): Uint8Array<SharedArrayBuffer> {
    Atomics.store(this.#control, BUSY_FLAGS + id, 1)
    this.#unsent.add(id)
    return this.#bodies[id]!
  }
}

/** Rounds up to a power of two or the midpoint between two. */
function sizeClass(bytes: number): number {
  let size = MIN_BYTES
  while (size < bytes) {
    if (size + size / 2 >= bytes) return size + size / 2
    size *= 2
  }
  return size
}
