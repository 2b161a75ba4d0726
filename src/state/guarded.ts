import { GatewayError } from '../query/errors.ts'
import type { Logger } from '../query/types.ts'
import type { Blobs } from './blobs.ts'
import type { Bus } from './bus.ts'
import type { Store } from './store.ts'

/** Time limits of calls to the shared state. */
export interface GuardLimits {
  /** Time limit of a call, in milliseconds. */
  readonly callTimeoutMs: number
  /** How long calls fail immediately after one has timed out, in milliseconds. */
  readonly retryAfterMs: number
}

/**
 * Limits the time of each call to the shared state. A call that fails or times out throws STATE_UNAVAILABLE. While the state
 * store hangs, only the first call in each `retryAfterMs` waits for the timeout. The guard logs each outage once.
 */
export class CallGuard {
  readonly #limits: GuardLimits
  readonly #log: Logger
  readonly #name: string
  #retryAt = 0
  #isDown = false

  /** @param name of what does not answer, for the log */
  constructor(limits: GuardLimits, log: Logger, name = 'state store') {
    this.#limits = limits
    this.#log = log
    this.#name = name
  }

  /** @throws GatewayError STATE_UNAVAILABLE */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const { callTimeoutMs, retryAfterMs } = this.#limits
    if (performance.now() < this.#retryAt) throw new GatewayError('STATE_UNAVAILABLE', undefined, { retryAfterMs })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#retryAt = performance.now() + retryAfterMs
        reject(new Error(`no answer within ${callTimeoutMs} ms`))
      }, callTimeoutMs)
    })
    try {
      const answer = await Promise.race([call(), late])
      if (this.#isDown) this.#log.info({ event: 'state' }, `the ${this.#name} answers again`)
      this.#isDown = false
      return answer
    } catch (cause) {
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
