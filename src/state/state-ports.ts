import type { Blobs } from './blobs.ts'
import type { Bus } from './bus.ts'
import type { Store } from './store.ts'

/** The ports of the shared state. */
export interface StatePorts {
  readonly store: Store
  readonly blobs: Blobs
  readonly bus: Bus
}
