import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { Config } from '../config/config.ts'
import { STRANGERS_SHARE } from '../grpc/server/requests/memory-budget.ts'
import type { Logger } from '../query/types.ts'
import type { SourceKinds } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'

/** Memory of the machine or container, and of the process before it opens a DuckDB. All in bytes. */
export interface MemoryFacts {
  /** Memory that the process may use: the container's limit (cgroup), else the machine's. */
  readonly availableBytes: number
  /** Resident memory of the process now. */
  readonly baseBytes: number
  /** Limit of the JavaScript heap. */
  readonly heapLimitBytes: number
}

/** Division of the memory. All in bytes. */
export interface MemoryBudget {
  /** Upper bound of the process without DuckDB, by its configuration. */
  readonly processBytes: number
  /** `memory_limit` of each DuckDB source by name, configured or computed. */
  readonly duckDbBytes: ReadonlyMap<string, number>
}

const MIB = 2 ** 20
/** Share of the available memory for the part of the heap that no other bound counts. */
const HEAP_SHARE = 1 / 8
const MAX_HEAP_BYTES = 1024 * MIB
/** DuckDB's own default. */
const MAX_SHARE = 0.8
/** Least share of DuckDB. The process seldom reaches all of its bounds at once, and DuckDB spills above its limit. */
const MIN_SHARE = 1 / 3
/** Least useful memory of a DuckDB, and the minimum of the setting. */
const MIN_BYTES = 64 * MIB

/** Reads the current values. The container's limit comes from cgroup v2 or v1. */
export function memoryFacts(): MemoryFacts {
  const constrained = process.constrainedMemory()
  return {
    availableBytes: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
    baseBytes: process.memoryUsage.rss(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  }
}

/**
 * Divides the memory. DuckDB sources without `memoryLimitBytes` share the memory that the process does not need: at most 80 % of
 * the available memory, at least a third.
 * @param storesBytes bound of the stores for clients that `limits` does not include
 */
export function memoryBudget(
  { sources, limits, http, cache }: Pick<Config, 'sources' | 'limits' | 'http' | 'cache'>,
  storesBytes: number,
  { availableBytes, baseBytes, heapLimitBytes }: MemoryFacts,
  kinds: SourceKinds = sourceKinds,
): MemoryBudget {
  let processBytes = baseBytes + storesBytes + limits.maxInFlightBytes + limits.repeatableStoreBytes + cache.maxBytes
  processBytes += limits.maxRequestMemoryBytes * (1 + STRANGERS_SHARE) + http.maxHeldResultBytes
  processBytes += Math.min(heapLimitBytes, MAX_HEAP_BYTES, availableBytes * HEAP_SHARE)
  let configuredBytes = 0
  const duckDbBytes = new Map<string, number>()
  const unlimited: string[] = []
  for (const [name, source] of Object.entries(sources)) {
    const need = kinds[source.kind]!.memory(source)
    processBytes += need.processBytes
    if (!need.engine) continue
    const { limitBytes } = need.engine
    if (limitBytes === undefined) unlimited.push(name)
    else duckDbBytes.set(name, limitBytes)
    configuredBytes += limitBytes ?? 0
  }
  const left = availableBytes - processBytes - configuredBytes
  const shared = Math.max(Math.min(left, availableBytes * MAX_SHARE), availableBytes * MIN_SHARE)
  for (const name of unlimited) duckDbBytes.set(name, Math.max(MIN_BYTES, Math.floor(shared / unlimited.length)))
  return { processBytes: Math.floor(processBytes), duckDbBytes }
}

/** Divides the current memory and logs the result. @returns `memory_limit` of each DuckDB source by name, in bytes */
export function divideMemory(
  config: Config,
  storesBytes: number,
  kinds: SourceKinds,
  log: Logger,
): ReadonlyMap<string, number> {
  const machine = memoryFacts()
  // Each worker divides its share.
  const facts = { ...machine, availableBytes: Math.floor(machine.availableBytes / config.workers) }
  const { processBytes, duckDbBytes } = memoryBudget(config, storesBytes, facts, kinds)
  if (duckDbBytes.size === 0) return duckDbBytes
  const { availableBytes } = facts
  const inMib = (bytes: number) => `${Math.floor(bytes / MIB)} MiB`
  const each = [...duckDbBytes].map(([name, bytes]) => `${name} ${inMib(bytes)}`).join(', ')
  const fields = { event: 'memory', availableBytes, processBytes, duckDbBytes: Object.fromEntries(duckDbBytes) }
  const said = `of ${inMib(availableBytes)} the process may need ${inMib(processBytes)}; DuckDB gets (memoryLimitBytes): ${each}`
  const total = [...duckDbBytes.values()].reduce((sum, bytes) => sum + bytes, processBytes)
  if (total <= availableBytes) log.info(fields, said)
  else
    log.warn(
      fields,
      `${said}. The sum exceeds the available memory: under full load the system may kill the process. Provide ${inMib(total)}, or lower maxStreams, limits.maxInFlightBytes and limits.maxRequestMemoryBytes`,
    )
  return duckDbBytes
}
