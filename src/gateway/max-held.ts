import type { Config } from '../config/config.ts'

/**
 * How many slots of a source one principal may have, of those that there are now (`limits.maxSlotsPerPrincipal`). Where
 * several principals are configured a quarter is left for the others, at least one slot unless there is only one.
 */
export function maxHeldOf(
  { limits, auth }: Pick<Config, 'limits' | 'auth'>,
  source: Config['sources'][string],
): (slots: number) => number {
  const { maxSlotsPerPrincipal } = limits
  if (maxSlotsPerPrincipal !== undefined) return (slots) => Math.min(slots, maxSlotsPerPrincipal)
  if (new Set(auth.apiKeys.map(({ name }) => name)).size < 2) return (slots) => slots
  // A result of another server keeps a connection, too.
  const connections =
    source.kind === 'duckdb' ? Number.POSITIVE_INFINITY : source.pool.max * (1 + source.addresses.length)
  return (slots) => {
    const shared = Math.min(slots, connections)
    return Math.max(1, shared - Math.max(1, Math.floor(shared / 4)))
  }
}
