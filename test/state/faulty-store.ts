import type { Store } from '../../src/state/store.ts'

/** A store that works, delays each call by 20 ms, fails each call, or hangs. */
export class FaultyStore implements Store {
  readonly #inner: Store
  mode: 'works' | 'slow' | 'fails' | 'hangs' = 'works'
  calls = 0

  constructor(inner: Store) {
    this.#inner = inner
  }

  get = (key: string) => this.#call(() => this.#inner.get(key))
  set = (key: string, value: Uint8Array, ttlMs: number) => this.#call(() => this.#inner.set(key, value, ttlMs))
  setIfAbsent = (key: string, value: Uint8Array, ttlMs: number) =>
    this.#call(() => this.#inner.setIfAbsent(key, value, ttlMs))
  touch = (key: string, ttlMs: number) => this.#call(() => this.#inner.touch(key, ttlMs))
  delete = (key: string) => this.#call(() => this.#inner.delete(key))
  increment = (key: string, by: number, ttlMs: number) => this.#call(() => this.#inner.increment(key, by, ttlMs))
  addMember = (key: string, member: string, ttlMs: number, maxMembers: number) =>
    this.#call(() => this.#inner.addMember(key, member, ttlMs, maxMembers))
  removeMember = (key: string, member: string) => this.#call(() => this.#inner.removeMember(key, member))
  members = (key: string, max: number) => this.#call(() => this.#inner.members(key, max))
  close = () => this.#inner.close()

  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.calls++
    if (this.mode === 'hangs') return await new Promise<never>(() => {})
    if (this.mode === 'fails') throw new Error('connection refused')
    if (this.mode === 'slow') await new Promise((resolve) => setTimeout(resolve, 20))
    return await work()
  }
}
