import { LRUCache } from 'lru-cache'
import type { Change, ChangesSince, ReadScope } from './change-log.ts'
import { ChangeTrack, type TrackedChange } from './change-track.ts'

/** Tables of a source whose changes are told apart. */
const MAX_TABLES = 4096

/** The changes of one source, by revision. Bounded. */
export class SourceChanges {
  readonly #all = new ChangeTrack()
  /** Changes whose tables are not known. */
  readonly #unknown = new ChangeTrack()
  readonly #byTable = new LRUCache<string, ChangeTrack>({
    max: MAX_TABLES,
    dispose: (track, _table, reason) => {
      if (reason === 'evict') this.#forgotten = Math.max(this.#forgotten, track.last)
    },
  })
  /** Last revision of a table that is no longer told apart. */
  #forgotten = 0

  /** @param revision higher than that of every earlier change @param at time of the change, as of `since` */
  add(revision: number, at: number, { tables, principal }: Omit<Change, 'source'>): void {
    this.#all.add(revision, at, principal)
    if (!tables) this.#unknown.add(revision, at, principal)
    for (const table of tables ?? []) {
      const track = this.#byTable.get(table) ?? new ChangeTrack()
      track.add(revision, at, principal)
      this.#byTable.set(table, track)
    }
  }

  /** What happened to tables of the source after a revision. @param now milliseconds of a clock that never goes back */
  since({ tables }: ReadScope, revision: number, reader: string, now: number): ChangesSince {
    if (this.#all.last <= revision) return { kind: 'none' }
    // A table that is not told apart may be one of these.
    const isKnown = tables && this.#forgotten <= revision
    const found = isKnown ? this.#ofTables(tables, revision, reader) : [this.#all.after(revision, reader)]
    const changes = found.filter((each) => each !== undefined)
    if (changes.length === 0) return { kind: 'none' }
    const firstAt = Math.min(...changes.map((each) => each.firstAt))
    return { kind: 'changed', sinceMs: Math.max(0, now - firstAt), byReader: changes.some(({ byReader }) => byReader) }
  }

  #ofTables(tables: readonly string[], revision: number, reader: string): (TrackedChange | undefined)[] {
    const named = tables.map((table) => this.#byTable.get(table)?.after(revision, reader))
    return [this.#unknown.after(revision, reader), ...named]
  }
}
