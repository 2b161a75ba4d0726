import type { CacheFilter } from '../../query/cache/cache-admin.ts'
import type { Change, ChangeLog, ChangesSince, ReadScope, Snapshot } from './change-log.ts'
import { ClearRing } from './clear-ring.ts'
import { SourceChanges } from './source-changes.ts'

/** The changes and clears of a gateway that is one process. */
export class MemoryChangeLog implements ChangeLog {
  readonly #now: () => number
  readonly #sources = new Map<string, SourceChanges>()
  readonly #clears = new ClearRing()
  #revision = 0

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  snapshot(_scope: ReadScope): Snapshot {
    return [this.#revision]
  }

  since(scope: ReadScope, [revision = 0]: Snapshot, reader: string): ChangesSince {
    if (revision >= this.#revision) return { kind: 'none' }
    if (this.#clears.clears(scope, revision)) return { kind: 'cleared' }
    return this.#sources.get(scope.source)?.since(scope, revision, reader, this.#now()) ?? { kind: 'none' }
  }

  async record(change: Change): Promise<void> {
    const source = this.#sources.get(change.source) ?? new SourceChanges()
    this.#sources.set(change.source, source)
    source.add(++this.#revision, this.#now(), change)
  }

  async clear(filter: CacheFilter): Promise<void> {
    this.#clears.add(++this.#revision, filter)
  }
}
