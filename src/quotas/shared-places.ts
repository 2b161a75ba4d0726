import { randomUUID } from 'node:crypto'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'

/** How long a place stays taken when its replica dies, in milliseconds. */
const PLACE_MS = 60_000
const RENEW_MS = 20_000
/** Wait before a second try, in milliseconds: another replica may be about to give its place back. */
const AGAIN_MS = 100
/** Most places of one caller that are counted. */
const MAX_COUNTED = 100_000

/** The places of running statements, which all replicas share: a caller has at most as many as its quota. */
export class SharedPlaces {
  readonly #store: Store
  readonly #onStateDown: (error: unknown) => void
  /** Holders of the places that this replica has taken, by place. */
  readonly #held = new Map<string, string>()
  readonly #timer: NodeJS.Timeout

  constructor(store: Store, onStateDown: (error: unknown) => void) {
    this.#store = store
    this.#onStateDown = onStateDown
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS).unref()
  }

  /**
   * Takes a place. While the store is down every caller gets one: the limit is then that of each replica.
   * @returns a function that gives the place back; undefined if all `max` places are taken
   */
  async take(holder: string, max: number): Promise<(() => void) | undefined> {
    const place = randomUUID()
    const key = keys.running(holder)
    const add = () => this.#store.addMember(key, place, PLACE_MS, max)
    // The call may have been carried out, also if it failed.
    const giveBack = () => {
      this.#held.delete(place)
      this.#store.removeMember(key, place).catch(() => {})
    }
    try {
      if (!(await add())) {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        if (!(await add())) return undefined
      }
    } catch (error) {
      this.#onStateDown(error)
    }
    this.#held.set(place, holder)
    return giveBack
  }

  /** Number of places that a caller has on all replicas. @throws GatewayError STATE_UNAVAILABLE */
  async countOf(holder: string): Promise<number> {
    return (await this.#store.members(keys.running(holder), MAX_COUNTED)).length
  }

  /** Gives all places of this replica back. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const held = [...this.#held]
    this.#held.clear()
    await Promise.allSettled(held.map(([place, holder]) => this.#store.removeMember(keys.running(holder), place)))
  }

  /** Keeps the places of long statements, and takes them again in a store that has lost its data. */
  async #renew(): Promise<void> {
    const renewed = [...this.#held].map(([place, holder]) =>
      this.#store.addMember(keys.running(holder), place, PLACE_MS, Number.MAX_SAFE_INTEGER),
    )
    const failed = (await Promise.allSettled(renewed)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') this.#onStateDown(failed.reason)
  }
}
