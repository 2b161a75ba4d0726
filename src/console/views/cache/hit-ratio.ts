import type { SourceHistory } from '../../api/history-answers.ts'

type Counts = Pick<SourceHistory, 'cache_hits' | 'cache_stale_hits' | 'cache_misses'>

/** Share of the statements that the cache could answer and did, from 0 to 1; null without such statements. */
export function hitRatio(hits: number, staleHits: number, misses: number): number | null {
  const all = hits + staleHits + misses
  return all === 0 ? null : (hits + staleHits) / all
}

/** The ratio of each step. */
export function hitRatios({ cache_hits, cache_stale_hits, cache_misses }: Counts): readonly (number | null)[] {
  return cache_hits.map((hits, i) => hitRatio(hits ?? 0, cache_stale_hits[i] ?? 0, cache_misses[i] ?? 0))
}

/** A ratio as text: `97 %`. */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? '–' : `${Math.round(100 * ratio)} %`
}
