import type { ChangeLog, ChangesSince, ReadScope, Snapshot } from './changes/change-log.ts'

/** Clears that are remembered; an older snapshot counts as cleared. */
const MAX_CLEARS = 1000

type Filter = Parameters<ChangeLog['clear']>[0]

/** What operators cleared, for a process whose cached sources change in no other way. */
export class Clears implements ChangeLog {
  readonly #clears: Filter[] = []
  #forgotten = 0

  snapshot(): Snapshot {
    return [this.#forgotten + this.#clears.length]
  }

  since(scope: ReadScope, [seen = 0]: Snapshot): ChangesSince {
    if (seen < this.#forgotten) return { kind: 'cleared' }
    const isCleared = this.#clears.slice(seen - this.#forgotten).some((filter) => matches(filter, scope))
    return { kind: isCleared ? 'cleared' : 'none' }
  }

  async record(): Promise<void> {}

  async clear(filter: Filter): Promise<void> {
    this.#clears.push(filter)
    if (this.#clears.length <= MAX_CLEARS) return
    this.#clears.shift()
    this.#forgotten++
  }
}

function matches({ source, principal, key, tag }: Filter, scope: ReadScope): boolean {
  return (
    (source === undefined || source === scope.source) &&
    (principal === undefined || principal === scope.principal) &&
    (key === undefined || key === scope.key) &&
    (tag === undefined || scope.tags.includes(tag))
  )
}
