import type { Logger } from '../query/types.ts'
import { type Blobs, MemoryBlobs } from './blobs.ts'
import { type Bus, MemoryBus } from './bus.ts'
import { CallGuard, guardedBlobs, guardedBus, guardedStore } from './guarded.ts'
import { MemoryStore } from './memory.ts'
import type { Store } from './store.ts'

/** The state that replicas share. */
export interface State {
  /** Sessions, and marks of cancelled and claimed executions. */
  readonly store: Store
  /** Bound parameters and results of statements that change data. */
  readonly blobs: Blobs
  readonly bus: Bus
  close(): Promise<void>
}

/** Bounds of the in-memory state of a replica, in bytes. */
export interface StateBounds {
  readonly maxStoreBytes: number
  readonly maxBlobBytes: number
}

const GUARD_LIMITS = { callTimeoutMs: 1000, retryAfterMs: 1000 }

/** Opens the in-memory state of a single replica. */
export function openState({ maxStoreBytes, maxBlobBytes }: StateBounds, log: Logger): State {
  const guard = new CallGuard(GUARD_LIMITS, log)
  const store = guardedStore(new MemoryStore(maxStoreBytes), guard)
  const blobs = guardedBlobs(new MemoryBlobs(maxBlobBytes), guard)
  const bus = guardedBus(new MemoryBus(), guard)
  const close = async () => {
    await Promise.all([store.close(), blobs.close(), bus.close()])
  }
  return { store, blobs, bus, close }
}
