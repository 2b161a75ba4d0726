import type { Logger } from '../query/types.ts'
import { MemoryBlobs } from './blobs.ts'
import { MemoryBus } from './bus.ts'
import { CallGuard, guardedBlobs, guardedBus, guardedStore } from './guarded.ts'
import { MemoryStore } from './memory.ts'
import type { RedisConnection } from './redis/redis-connection.ts'
import type { StatePorts } from './state-ports.ts'
import { limitsOf, type StateUse } from './state-uses.ts'

/** The state that replicas share. Its own ports are those of the use `statements`. */
export interface State extends StatePorts {
  /** The ports with the time limits and the breaker of a use; each use has its own. */
  of(use: StateUse): StatePorts
  /** The uses so far, and whether their calls fail at once. */
  breakers(): readonly { readonly use: StateUse; readonly isOpen: boolean }[]
  close(): Promise<void>
}

/** Bounds of the state, in bytes. */
export interface StateBounds {
  /** In memory: values, counters and sets of this replica. */
  readonly maxStoreBytes: number
  /** In memory: all blobs of this replica. One owner gets at most half of it, in Redis too. */
  readonly maxBlobBytes: number
}

/**
 * Where the state is: in Redis if there is a connection, else in the process that started this one as a worker, else in the
 * memory of this process.
 */
export interface StatePlace {
  /** Its owner closes it after the state. */
  readonly redis?: RedisConnection | undefined
  /** Ports of the state that several workers share. */
  readonly workers?: StatePorts | undefined
  readonly bounds: StateBounds
}

/** Opens the state. The implementation for Redis is loaded here. */
export async function openState(place: StatePlace, log: Logger): Promise<State> {
  const ports = await openPorts(place, log)
  const known = new Map<StateUse, GuardedPorts>()
  const of = (use: StateUse): StatePorts => {
    let guarded = known.get(use)
    if (!guarded) {
      guarded = guard(ports, use, place.redis?.commandTimeoutMs, log)
      known.set(use, guarded)
    }
    return guarded.ports
  }
  const close = async () => {
    await Promise.all([ports.store.close(), ports.blobs.close(), ports.bus.close()])
  }
  return {
    ...of('statements'),
    of,
    breakers: () => [...known].map(([use, { guards }]) => ({ use, isOpen: guards.some(({ isOpen }) => isOpen) })),
    close,
  }
}

async function openPorts(
  { redis, workers, bounds: { maxStoreBytes, maxBlobBytes } }: StatePlace,
  log: Logger,
): Promise<StatePorts> {
  if (!redis)
    return (
      workers ?? { store: new MemoryStore(maxStoreBytes), blobs: new MemoryBlobs(maxBlobBytes), bus: new MemoryBus() }
    )
  const { openRedisPorts } = await import('./redis/open-redis-ports.ts')
  return openRedisPorts(redis, Math.floor(maxBlobBytes / 2), log)
}

interface GuardedPorts {
  readonly ports: StatePorts
  readonly guards: readonly CallGuard[]
}

function guard(ports: StatePorts, use: StateUse, commandTimeoutMs: number | undefined, log: Logger): GuardedPorts {
  const { small, bulk } = limitsOf(use, commandTimeoutMs)
  const name = `state store (${use})`
  const guards = [new CallGuard(small, log, name), new CallGuard(bulk, log, name)] as const
  const [calls, blobs] = guards
  return {
    ports: {
      store: guardedStore(ports.store, calls),
      blobs: guardedBlobs(ports.blobs, blobs),
      bus: guardedBus(ports.bus, calls),
    },
    guards,
  }
}
