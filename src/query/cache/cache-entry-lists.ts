import { demand, lacks } from '../access/allows.ts'
import { operatedSources } from '../access/operated.ts'
import { type OtherReplicas, type ReplicaBus, ReplicaQuestions } from '../replicas/replica-questions.ts'
import type { Router } from '../router.ts'
import type { Principal } from '../types.ts'

/** Rows in the cache, as operators see them. */
export interface ListedEntry {
  /** Digest that names the entry in all processes. */
  readonly id: string
  readonly source: string
  /** Principal whose statement filled it; others may read it if the source shares its results. */
  readonly principal: string
  /** The first 500 characters of that statement. */
  readonly text: string
  /** Name that the client gave it; absent without one. */
  readonly key?: string | undefined
  readonly tags: readonly string[]
  readonly rows: number
  readonly bytes: number
  /** Statements that it has answered. */
  readonly hits: number
  /** Time since the statement began to run, in milliseconds. */
  readonly ageMs: number
  /** How long its rows are fresh, from then on. */
  readonly ttlMs: number
}

/** Which entries to list. */
export interface EntryWish {
  /** The largest first, or those that answered most statements. */
  readonly order: 'bytes' | 'hits'
  /** Most entries to list. */
  readonly limit: number
  /** Name of a source, or its kind if only one source has that kind. */
  readonly source?: string | undefined
}

/** What one process asks another one for. */
export interface TopWish extends Omit<EntryWish, 'source'> {
  /** Names of sources in lower case; absent for all. */
  readonly sources?: readonly string[] | undefined
}

/** An entry with the number of processes that have it. */
export interface SharedEntry extends ListedEntry {
  readonly copies: number
}

/** Entries of all processes. */
export interface EntryList {
  readonly entries: readonly SharedEntry[]
  /** Whether a process did not answer in time. */
  readonly isPartial: boolean
}

/** Dependencies of `CacheEntryLists`. */
export interface CacheEntryListDependencies {
  readonly replicas: OtherReplicas
  readonly bus: ReplicaBus
  readonly router: Pick<Router, 'named'>
  /** The first entries of this process. */
  topHere(wish: TopWish): Promise<readonly ListedEntry[]>
}

/** Lists the largest and the most used entries of the result cache in all processes. */
export class CacheEntryLists {
  readonly #deps: CacheEntryListDependencies
  readonly #questions: ReplicaQuestions<TopWish, readonly ListedEntry[]>

  constructor(deps: CacheEntryListDependencies) {
    this.#deps = deps
    this.#questions = new ReplicaQuestions('cache-entries', deps.bus, deps.replicas, (wish) => deps.topHere(wish))
  }

  /**
   * The first entries in an order. One that several processes have counts once, with the sum of its hits.
   * @throws GatewayError FORBIDDEN if the viewer may operate neither the source nor any; UNKNOWN_SOURCE; STATE_UNAVAILABLE
   */
  async list(viewer: Principal, { source, order, limit }: EntryWish): Promise<EntryList> {
    const wish = { order, limit, sources: this.#sourcesOf(viewer, source) }
    const [here, { answers, missing }] = await Promise.all([this.#deps.topHere(wish), this.#questions.ask(wish)])
    const entries = merged([here, ...answers]).sort((a, b) => b[order] - a[order] || (a.id < b.id ? -1 : 1))
    return { entries: entries.slice(0, limit), isPartial: missing > 0 }
  }

  /** The sources whose entries the viewer may see; undefined for all. */
  #sourcesOf(viewer: Principal, source: string | undefined): readonly string[] | undefined {
    if (source !== undefined) {
      const { name } = this.#deps.router.named(source, viewer)
      demand(viewer, 'operate', { source: name })
      return [name.toLowerCase()]
    }
    const operated = operatedSources(viewer)
    if (operated === 'all') return undefined
    if (operated.length === 0) throw lacks(viewer, 'operate', {})
    return operated
  }
}

function merged(lists: readonly (readonly ListedEntry[])[]): SharedEntry[] {
  const byId = new Map<string, SharedEntry>()
  for (const entry of lists.flat()) {
    const there = byId.get(entry.id)
    byId.set(
      entry.id,
      there
        ? {
            ...there,
            bytes: Math.max(there.bytes, entry.bytes),
            hits: there.hits + entry.hits,
            ageMs: Math.min(there.ageMs, entry.ageMs),
            copies: there.copies + 1,
          }
        : { ...entry, copies: 1 },
    )
  }
  return [...byId.values()]
}
