import { GatewayError } from '../query/errors.ts'
import type { Logger } from '../query/types.ts'
import type { Blobs } from './blobs.ts'
import type { Bus } from './bus.ts'
import { StateTimeout } from './state-timeout.ts'
import type { Store } from './store.ts'

/** Time limits of calls to the shared state. */
export interface GuardLimits {
  /** Time limit of a call, in milliseconds. */
  readonly callTimeoutMs: number
  /** How long calls fail immediately after one has timed out, in milliseconds. */
  readonly retryAfterMs: number
}

/**
 * Limits the time of each call to the shared state. A call that fails or times out throws STATE_UNAVAILABLE. After a time-out the
 * guard is open: calls fail at once, except one in each `retryAfterMs`; its answer closes the guard. The guard logs each outage once.
 */
export class CallGuard {
  readonly #limits: GuardLimits
  readonly #log: Logger
  readonly #name: string
  #isOpen = false
  #retryAt = 0
  #isDown = false

  /** @param name of what does not answer, for the log */
  constructor(limits: GuardLimits, log: Logger, name = 'state store') {
    this.#limits = limits
    this.#log = log
    this.#name = name
  }

  /** Whether calls fail at once. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** @throws GatewayError STATE_UNAVAILABLE */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const { callTimeoutMs, retryAfterMs } = this.#limits
    if (this.#isOpen) {
      if (performance.now() < this.#retryAt) throw new GatewayError('STATE_UNAVAILABLE', undefined, { retryAfterMs })
      this.#retryAt = performance.now() + retryAfterMs
    }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StateTimeout(callTimeoutMs)), callTimeoutMs)
    })
    try {
      const answer = await Promise.race([call(), late])
      if (this.#isDown) this.#log.info({ event: 'state' }, `the ${this.#name} answers again`)
      this.#isDown = this.#isOpen = false
      return answer
    } catch (cause) {
      if (cause instanceof StateTimeout) {
        this.#isOpen = true
        this.#retryAt = performance.now() + retryAfterMs
      }
      if (!this.#isDown) this.#log.error({ event: 'state', err: cause }, `the ${this.#name} does not answer`)
      this.#isDown = true
      throw new GatewayError('STATE_UNAVAILABLE', undefined, { cause, retryAfterMs })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** A store whose calls are guarded. */
export function guardedStore(store: Store, guard: CallGuard): Store {
  return {
    get: (key) => guard.run(() => store.get(key)),
    set: (key, value, ttlMs) => guard.run(() => store.set(key, value, ttlMs)),
    setIfAbsent: (key, value, ttlMs) => guard.run(() => store.setIfAbsent(key, value, ttlMs)),
    touch: (key, ttlMs) => guard.run(() => store.touch(key, ttlMs)),
    delete: (key) => guard.run(() => store.delete(key)),
    increment: (key, by, ttlMs) => guard.run(() => store.increment(key, by, ttlMs)),
    addMember: (key, member, ttlMs, max) => guard.run(() => store.addMember(key, member, ttlMs, max)),
    removeMember: (key, member) => guard.run(() => store.removeMember(key, member)),
    members: (key, max) => guard.run(() => store.members(key, max)),
    close: () => store.close(),
  }
}

/** Blobs whose calls are guarded. */
export function guardedBlobs(blobs: Blobs, guard: CallGuard): Blobs {
  return {
    get: (key) => guard.run(() => blobs.get(key)),
    set: (key, value, ttlMs, owner) => guard.run(() => blobs.set(key, value, ttlMs, owner)),
    close: () => blobs.close(),
  }
}

/** A bus whose calls are guarded. */
export function guardedBus(bus: Bus, guard: CallGuard): Bus {
  return {
    publish: (topic, message) => guard.run(() => bus.publish(topic, message)),
    subscribe: (topic, listener) => bus.subscribe(topic, listener),
    close: () => bus.close(),
  }
}
