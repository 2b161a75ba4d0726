import { type BodyReference, BUSY_FLAGS, MAX_POOLED_BODIES, UNPOOLED } from './messages.ts'

const SMALLEST_BYTES = 4096

/**
 * Memory for bodies, shared with the main thread and used again as soon as that clears the busy flag: no message goes
 * back, nothing is transferred, and no fresh memory costs its page faults.
 */
export class SharedBuffers {
  readonly #control: Int32Array
  readonly #bodies: Uint8Array<SharedArrayBuffer>[] = []
  readonly #told = new Set<SharedArrayBuffer>()
  /** Taken, and not yet told to the main thread. */
  readonly #held = new Set<number>()

  /** @param control the memory shared with the main thread, see `Control` */
  constructor(control: Int32Array) {
    this.#control = control
  }

  /** Memory of at least so many bytes; what it holds is undefined. */
  readonly take = (bytes: number): Uint8Array<SharedArrayBuffer> => {
    let replaceable = -1
    for (let id = 0; id < this.#bodies.length; id++) {
      if (Atomics.load(this.#control, BUSY_FLAGS + id) !== 0) continue
      const body = this.#bodies[id]!
      if (body.byteLength >= bytes) return this.#use(id)
      replaceable = id
    }
    const fresh = new Uint8Array(new SharedArrayBuffer(sizeClass(bytes)))
    if (this.#bodies.length < MAX_POOLED_BODIES) return this.#use(this.#bodies.push(fresh) - 1)
    if (replaceable < 0) return fresh
    this.#told.delete(this.#bodies[replaceable]!.buffer)
    this.#bodies[replaceable] = fresh
    return this.#use(replaceable)
  }

  /** How to tell the main thread of a body that `take` gave. */
  refer(body: Uint8Array<SharedArrayBuffer>): BodyReference {
    const { buffer } = body
    const id = this.#bodies.findIndex((each) => each.buffer === buffer)
    if (id < 0) return { id: UNPOOLED, memory: buffer }
    this.#held.delete(id)
    if (this.#told.has(buffer)) return { id }
    this.#told.add(buffer)
    return { id, memory: buffer }
  }

  /** Frees what was taken and will not be sent, as when an order is stopped. */
  abandon(): void {
    for (const id of this.#held) Atomics.store(this.#control, BUSY_FLAGS + id, 0)
    this.#held.clear()
  }

  #use(id: number): Uint8Array<SharedArrayBuffer> {
    Atomics.store(this.#control, BUSY_FLAGS + id, 1)
    this.#held.add(id)
    return this.#bodies[id]!
  }
}

/** Powers of two and their midpoints. */
function sizeClass(bytes: number): number {
  let size = SMALLEST_BYTES
  while (size < bytes) {
    if (size + size / 2 >= bytes) return size + size / 2
    size *= 2
  }
  return size
}
