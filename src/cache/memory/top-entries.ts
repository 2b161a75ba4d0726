import { LoopTurn } from '../../async/loop-turn.ts'
import { bytesOf, type CacheEntry } from './cache-entry.ts'

/** The order of listed entries: the largest first, or the one that answered most statements. */
export type EntryOrder = 'bytes' | 'hits'

const ranks = { bytes: bytesOf, hits: ({ hits }: CacheEntry) => hits } as const

/**
 * The first entries in an order. It looks at each entry once, keeps no more than `limit`, and yields to the event loop meanwhile.
 * @param sources names of the entries' sources in lower case; by default all
 */
export async function topEntries(
  entries: Iterable<CacheEntry>,
  order: EntryOrder,
  limit: number,
  sources?: readonly string[],
): Promise<readonly CacheEntry[]> {
  const rankOf = ranks[order]
  const turn = new LoopTurn()
  /** Sorted, the first one in the order first. */
  const top: { readonly entry: CacheEntry; readonly rank: number }[] = []
  for (const entry of entries) {
    const pause = turn.next()
    if (pause) await pause
    if (sources && !sources.includes(entry.scope.source.toLowerCase())) continue
    const rank = rankOf(entry)
    if (top.length === limit && rank <= top[limit - 1]!.rank) continue
    let at = top.length
    while (at > 0 && top[at - 1]!.rank < rank) at--
    top.splice(at, 0, { entry, rank })
    if (top.length > limit) top.pop()
  }
  return top.map(({ entry }) => entry)
}
