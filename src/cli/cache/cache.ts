import { callGateway } from '../client/call-gateway.ts'
import type { ConnectionOptions } from '../client/connection-options.ts'
import { countText } from '../estimate/figures.ts'
import { cacheJson } from './cache-json.ts'
import { cacheText } from './cache-text.ts'
import type { EntryChoice } from './clear-options.ts'

/** Options of `flightgate cache stats`. */
export interface StatsOptions extends ConnectionOptions {
  readonly json?: boolean
}

/** Options of `flightgate cache clear`. */
export interface ClearOptions extends ConnectionOptions, EntryChoice {
  readonly source?: string
  readonly reason?: string
  readonly json?: boolean
}

/** Prints the state of the result cache, of one source if the options name one. Returns the exit code. */
export async function cacheStats({ source, ...options }: StatsOptions): Promise<number> {
  return await callGateway(options, async (client) => {
    const stats = cacheJson(await client.call('getCacheStats', {}))
    const own = source === undefined ? stats.data_sources : stats.data_sources.filter(isNamed(source))
    if (source !== undefined && own.length === 0) throw new Error(`there is no source "${source}"`)
    const shown = { ...stats, data_sources: own }
    return options.json ? JSON.stringify(shown, undefined, 2) : cacheText(shown)
  })
}

/** Clears entries of the result cache and prints their number. Returns the exit code. */
export async function cacheClear({ source = '', ...options }: ClearOptions): Promise<number> {
  const { tag = '', key = '', principal = '', reason, json } = options
  return await callGateway(options, async (client) => {
    const answer = await client.call('clearCache', { dataSource: source, tag, key, principal, reason })
    const cleared = Number(answer.cleared)
    if (json) return JSON.stringify({ cleared }, undefined, 2)
    return `Cleared ${countText(cleared)} ${cleared === 1 ? 'entry' : 'entries'} of the replica that answered, and those of the others.`
  })
}

function isNamed(source: string) {
  return ({ data_source: name }: { readonly data_source: string }) => name.toLowerCase() === source.toLowerCase()
}
