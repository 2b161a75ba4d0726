import type { CacheFilter } from '../../query/cache/cache-admin.ts'
import type { ReadScope } from './change-log.ts'

/** Clears that are remembered; what is older than the others counts as cleared. */
const MAX_CLEARS = 1000

/** What operators cleared, in the order of revisions. */
export class ClearRing {
  readonly #clears: { readonly revision: number; readonly filter: CacheFilter }[] = []
  /** Revision of the last clear that is no longer remembered. */
  #forgotten = 0

  /** @param revision higher than that of every earlier clear */
  add(revision: number, filter: CacheFilter): void {
    this.#clears.push({ revision, filter })
    if (this.#clears.length > MAX_CLEARS) this.#forgotten = this.#clears.shift()!.revision
  }

  /** Whether a clear after this revision matches the scope. */
  clears(scope: ReadScope, revision: number): boolean {
    if (this.#forgotten > revision) return true
    for (let i = this.#clears.length - 1; i >= 0 && this.#clears[i]!.revision > revision; i--)
      if (matches(this.#clears[i]!.filter, scope)) return true
    return false
  }
}

/** Whether a filter clears what a statement of this scope has stored. */
function matches({ source, principal, key, tag }: CacheFilter, scope: ReadScope): boolean {
  return (
    (source === undefined || source === scope.source) &&
    (principal === undefined || principal === scope.principal) &&
    (key === undefined || key === scope.key) &&
    (tag === undefined || scope.tags.includes(tag))
  )
}
