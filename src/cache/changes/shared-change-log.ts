import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { CacheFilter } from '../../query/cache/cache-admin.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Bus } from '../../state/bus.ts'
import type { Store } from '../../state/store.ts'
import type { Change, ChangeLog, ChangesSince, ReadScope, Snapshot } from './change-log.ts'
import { ClearRing } from './clear-ring.ts'
import { SourceChanges } from './source-changes.ts'

/** A source whose changes replicas share. */
export interface SharedSource {
  readonly name: string
  /** Whether statements may change its data: then each look at the cache asks the store first. */
  readonly writes: boolean
}

/** Dependencies of a shared change log. */
export interface SharedChangeLogDependencies {
  readonly store: Store
  readonly bus: Bus
  /**
   * The same with the patience that a change needs: one that is not recorded leaves the other replicas with older rows. By default
   * `store` and `bus`.
   */
  readonly recording?: { readonly store: Store; readonly bus: Bus } | undefined
  /** The sources now. */
  sources(): readonly SharedSource[]
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** One event of a source, as the store and the bus carry it. */
interface StoredEvent {
  readonly tables?: readonly string[]
  readonly principal?: string
  readonly filter?: CacheFilter
  /** Unix milliseconds of the replica that wrote it. */
  readonly at: number
}

const DAY_MS = 86_400_000
/** Longer than any result lives. */
const TTL_MS = 40 * DAY_MS
/** How long an event is kept: a replica that looks later counts all that it has as cleared. */
const EVENT_TTL_MS = 600_000
/** Events that a replica reads one by one; a replica that missed more counts all that it has as cleared. */
const MAX_READ = 64
/** A counter of the store begins at this or above; one below it has lost its beginning. */
const MIN_START = 2 ** 40
/** A counter that goes back by less than this is that of a replica of the store that missed the last changes. */
const MAX_STEP_BACK = 2 ** 20
/** Stands for all principals. */
const ANYONE = '*'
/** How far the clocks of replicas may differ, in milliseconds. */
const MAX_SKEW_MS = 5000
/** How old the state of a source without writes may be, while the store answers, in milliseconds. */
const READ_ONLY_FRESH_MS = 1000
/** How long a replica waits for an event that is counted but not stored, in milliseconds. */
const EVENT_WAIT_MS = 20
const TOPIC = 'cache-changes'

/** What this replica knows of one source. */
class Mirror {
  readonly changes = new SourceChanges()
  readonly clears = new ClearRing()
  /** Revision up to which this replica knows the events; undefined before the first look. */
  revision: number | undefined
  /** Snapshots before this revision count as cleared: events are missing. */
  floor = 0
  /** When the store was last asked, and told `revision`; -Infinity before that. */
  checkedAt = Number.NEGATIVE_INFINITY
  /** Number of changes that took effect and could not be stored, since the process began. */
  failures = 0
  /** As many of them are covered by a later one. */
  covered = 0
  running: Promise<void> | undefined
  following: Promise<void> | undefined
}

/**
 * The changes and clears of a gateway with several replicas. Each source has a counter in the store, and each event is stored under
 * the counter's value. A counter begins at a random number, so that one which the store has lost is never taken for the old one.
 */
export class SharedChangeLog implements ChangeLog {
  readonly #store: Store
  readonly #recording: { readonly store: Store; readonly bus: Bus }
  readonly #sources: () => readonly SharedSource[]
  readonly #mirrors = new Map<string, Mirror>()
  readonly #now: () => number
  readonly #unsubscribe: () => void
  #cleared: (filter: CacheFilter) => void = () => {}

  constructor({
    store,
    bus,
    recording = { store, bus },
    sources,
    now = () => performance.now(),
  }: SharedChangeLogDependencies) {
    this.#store = store
    this.#recording = recording
    this.#sources = sources
    this.#now = now
    this.#unsubscribe = bus.subscribe(TOPIC, (message) => this.#onMessage(message))
  }

  /** What this replica knows may be older than the store: then rows count as changed that are not, never the other way. */
  snapshot(scope: ReadScope): Snapshot | Promise<Snapshot> {
    const mirror = this.#mirrorOf(scope.source)
    if (mirror.revision !== undefined) return [mirror.revision]
    return this.#check(scope.source, mirror).then(() => [mirror.revision!])
  }

  since(scope: ReadScope, snapshot: Snapshot, reader: string): ChangesSince | Promise<ChangesSince> {
    const mirror = this.#mirrorOf(scope.source)
    const tell = () => this.#tell(mirror, scope, snapshot, reader)
    if (this.#sources().find(({ name }) => name === scope.source)?.writes === false && mirror.revision !== undefined) {
      if (this.#now() - mirror.checkedAt > READ_ONLY_FRESH_MS && !mirror.running)
        this.#check(scope.source, mirror).catch(() => {})
      return tell()
    }
    return this.#check(scope.source, mirror).then(tell)
  }

  async record({ source, tables, principal }: Change): Promise<void> {
    const mirror = this.#mirrorOf(source)
    const { failures } = mirror
    // Stands for those that could not be stored, too.
    const covers = failures > mirror.covered
    const event = covers ? { principal: ANYONE } : { ...(tables && { tables }), principal }
    try {
      await this.#append(source, { ...event, at: Date.now() })
      if (covers) mirror.covered = Math.max(mirror.covered, failures)
    } catch (error) {
      mirror.failures++
      throw error
    }
  }

  async clear(filter: CacheFilter): Promise<void> {
    const names = filter.source === undefined ? this.#sources().map(({ name }) => name) : [filter.source]
    await Promise.all(names.map((name) => this.#append(name, { filter, at: Date.now() })))
  }

  onClear(listener: (filter: CacheFilter) => void): void {
    this.#cleared = listener
  }

  close(): void {
    this.#unsubscribe()
  }

  #mirrorOf(source: string): Mirror {
    const mirror = this.#mirrors.get(source) ?? new Mirror()
    this.#mirrors.set(source, mirror)
    return mirror
  }

  #tell(mirror: Mirror, scope: ReadScope, [revision = 0]: Snapshot, reader: string): ChangesSince {
    if (mirror.failures > mirror.covered) throw new GatewayError('STATE_UNAVAILABLE')
    if (revision < mirror.floor || revision > mirror.revision!) return { kind: 'cleared' }
    if (mirror.clears.clears(scope, revision)) return { kind: 'cleared' }
    return mirror.changes.since(scope, revision, reader, this.#now())
  }

  async #append(source: string, event: StoredEvent): Promise<void> {
    const { store, bus } = this.#recording
    const mirror = this.#mirrorOf(source)
    if (mirror.revision === undefined) await this.#check(source, mirror)
    let revision = await store.increment(counterKey(source), 1, TTL_MS)
    if (revision < MIN_START) revision = await store.increment(counterKey(source), randomStart(), TTL_MS)
    const stored = JSON.stringify(event)
    await store.set(eventKey(source, revision), new Uint8Array(Buffer.from(stored)), EVENT_TTL_MS)
    this.#apply(source, mirror, revision, event)
    await bus.publish(TOPIC, JSON.stringify({ source, revision, event }))
  }

  /** Brings the mirror up to the store as of now, or later. Calls at the same time share the next look. */
  #check(source: string, mirror: Mirror): Promise<void> {
    if (!mirror.running) {
      mirror.running = this.#read(source, mirror).finally(() => {
        mirror.running = undefined
      })
      return mirror.running
    }
    // The look under way may have passed a change that has ended since.
    mirror.following ??= mirror.running
      .catch(() => {})
      .then(() => {
        mirror.following = undefined
        return this.#check(source, mirror)
      })
    return mirror.following
  }

  async #read(source: string, mirror: Mirror): Promise<void> {
    const startedAt = this.#now()
    let counter = await this.#store.increment(counterKey(source), 0, TTL_MS)
    const known = mirror.revision
    if (counter < MIN_START) counter = await this.#store.increment(counterKey(source), randomStart(), TTL_MS)
    // It must not reach again what snapshots hold already.
    else if (known !== undefined && counter < known && known - counter < MAX_STEP_BACK)
      counter = await this.#store.increment(counterKey(source), 2 * MAX_STEP_BACK, TTL_MS)
    if (known === undefined || counter < known || counter - known > MAX_READ) {
      // The first look, a store that has lost its data, or a replica that has missed too much.
      mirror.floor = counter
      mirror.revision = counter
    } else
      for (let revision = known + 1; revision <= counter; revision++) {
        const event = await this.#eventOf(source, revision)
        // The bus may have brought it meanwhile.
        if (revision <= mirror.revision!) continue
        if (event) this.#apply(source, mirror, revision, event)
        else {
          // It may be any change or clear: nothing from before it counts.
          mirror.floor = revision
          mirror.revision = revision
        }
      }
    mirror.checkedAt = startedAt
  }

  /** Reads an event. A replica counts it before it stores it, so that one which is missing may come a moment later. */
  async #eventOf(source: string, revision: number): Promise<StoredEvent | undefined> {
    const key = eventKey(source, revision)
    const stored = await this.#store.get(key)
    if (stored) return parsed<StoredEvent>(Buffer.from(stored).toString())
    await setTimeout(EVENT_WAIT_MS)
    const later = await this.#store.get(key)
    return later && parsed<StoredEvent>(Buffer.from(later).toString())
  }

  /** Takes the next event into the mirror. One that does not follow is left to the next look. */
  #apply(source: string, mirror: Mirror, revision: number, event: StoredEvent): void {
    if (mirror.revision === undefined || revision !== mirror.revision + 1) return
    mirror.revision = revision
    const { filter, tables, principal = ANYONE } = event
    if (filter) {
      mirror.clears.add(revision, filter)
      this.#cleared({ ...filter, source })
    } else mirror.changes.add(revision, this.#timeOf(event, mirror), { tables, principal })
  }

  /** When an event happened, on the own clock: not later than it did, unless clocks differ by more than is allowed. */
  #timeOf({ at }: StoredEvent, { checkedAt }: Mirror): number {
    const now = this.#now()
    const told = now - Math.max(0, Date.now() - at) - MAX_SKEW_MS
    return Math.min(now, Math.max(checkedAt, told))
  }

  #onMessage(message: string): void {
    const told = parsed<{ source: string; revision: number; event: StoredEvent }>(message)
    const mirror = told && this.#mirrors.get(told.source)
    if (mirror) this.#apply(told.source, mirror, told.revision, told.event)
  }
}

function counterKey(source: string): string {
  return `cache:changes:${source}`
}

function eventKey(source: string, revision: number): string {
  return `cache:change:${source}:${revision}`
}

/** A whole number of 2^40 to 2^48. */
function randomStart(): number {
  return MIN_START + (randomBytes(6).readUIntBE(0, 6) % (2 ** 48 - MIN_START))
}

/** Parses what another replica wrote; undefined if it is damaged. */
function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
