/** Changes next to each other, as one. */
interface Item {
  /** Revision of the last of them. */
  last: number
  /** Time of the first of them, in milliseconds of the log's clock. */
  readonly firstAt: number
  readonly principals: Set<string>
}

/** What a track knows of the changes after a revision. */
export interface TrackedChange {
  /** Time of the first one, or earlier. */
  readonly firstAt: number
  /** Whether the reader made one of them; true in doubt. */
  readonly byReader: boolean
}

/** Changes that follow within this time count as one, in milliseconds. */
const SAME_MS = 500
const MAX_ITEMS = 64
/** More principals of one item are not told apart. */
const MAX_PRINCIPALS = 16
const anyone = '*'

/**
 * The changes of one scope. It is bounded: older changes are counted together, so that what it tells of them errs towards earlier
 * times and more principals, never the other way.
 */
export class ChangeTrack {
  /** In the order of their revisions. */
  #items: Item[] = []

  /** Revision of the last change; 0 without one. */
  get last(): number {
    return this.#items.at(-1)?.last ?? 0
  }

  /** @param revision higher than that of every earlier change */
  add(revision: number, at: number, principal: string): void {
    const previous = this.#items.at(-1)
    if (previous && at - previous.firstAt < SAME_MS) {
      previous.last = revision
      addPrincipal(previous, principal)
      return
    }
    this.#items.push({ last: revision, firstAt: at, principals: new Set([principal]) })
    if (this.#items.length > MAX_ITEMS) this.#join()
  }

  /** The changes after a revision; undefined if there is none. */
  after(revision: number, reader: string): TrackedChange | undefined {
    const from = this.#items.findIndex(({ last }) => last > revision)
    if (from < 0) return undefined
    const later = this.#items.slice(from)
    const byReader = later.some(({ principals }) => principals.has(reader) || principals.has(anyone))
    return { firstAt: later[0]!.firstAt, byReader }
  }

  /** Joins the older half in pairs, so that older items span more time. */
  #join(): void {
    const half = MAX_ITEMS / 2
    const joined: Item[] = []
    for (let i = 0; i < half; i += 2) {
      const [first, second] = [this.#items[i]!, this.#items[i + 1]!]
      first.last = second.last
      for (const principal of second.principals) addPrincipal(first, principal)
      joined.push(first)
    }
    this.#items = [...joined, ...this.#items.slice(half)]
  }
}

function addPrincipal({ principals }: Item, principal: string): void {
  if (principals.size < MAX_PRINCIPALS) principals.add(principal)
  else if (!principals.has(principal)) principals.add(anyone)
}
