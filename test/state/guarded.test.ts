import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { CallGuard, guardedStore } from '../../src/state/guarded.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import type { Store } from '../../src/state/store.ts'
import { unlessDown } from '../../src/state/unless-down.ts'
import { FaultyStore } from './faulty-store.ts'

const down = { code: 'STATE_UNAVAILABLE', retryable: true, retryAfterMs: 100 }

describe('a state store that fails or hangs', () => {
  let faulty: FaultyStore
  let store: Store
  let logged: string[]
  beforeEach(async () => {
    logged = []
    const log = {
      debug() {},
      warn() {},
      info: (_fields: object, message: string) => logged.push(message),
      error: (_fields: object, message: string) => logged.push(message),
    }
    faulty = new FaultyStore(new MemoryStore(1 << 20))
    store = guardedStore(faulty, new CallGuard({ callTimeoutMs: 50, retryAfterMs: 100 }, log))
    await store.set('key', new Uint8Array(1), 60_000)
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('store fails: each call gets a retryable error, the log gets one line', async () => {
    faulty.mode = 'fails'
    for (let i = 0; i < 2; i++) await expect(store.get('key')).rejects.toMatchObject(down)
    await expect(store.addMember('set', 'a', 1000, 1)).rejects.toMatchObject(down)
    faulty.mode = 'works'
    expect(await store.get('key')).toBeDefined()
    expect(logged).toEqual(['the state store does not answer', 'the state store answers again'])
  })

  it('store hangs: the first call ends at its time limit, further ones fail at once for a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    faulty.mode = 'hangs'
    const first = expect(store.get('key')).rejects.toMatchObject(down)
    await vi.advanceTimersByTimeAsync(50)
    await first
    const { calls } = faulty
    for (let i = 0; i < 100; i++) await expect(store.get('key')).rejects.toMatchObject(down)
    expect(faulty.calls).toBe(calls)
    faulty.mode = 'works'
    await vi.advanceTimersByTimeAsync(100)
    expect(await store.get('key')).toBeDefined()
  })

  it('unlessDown: returns the fallback when the store is down, and rethrows any other error', async () => {
    faulty.mode = 'fails'
    expect(await unlessDown(store.get('key'), undefined)).toBeUndefined()
    const other = new GatewayError('BAD_REQUEST')
    await expect(unlessDown(Promise.reject(other), undefined)).rejects.toBe(other)
  })
})
