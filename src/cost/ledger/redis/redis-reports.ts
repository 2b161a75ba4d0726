import type { RedisConnection } from '../../../state/redis/redis-connection.ts'
import type { TopStatement, UsageRow, UsageSelection } from '../ledger.ts'
import { MAX_TOP } from './scripts.ts'

const DAY_MS = 86_400_000
/** Most days that a report reads: sums are kept no longer. */
const MAX_DAYS = 400

type Sums = { -readonly [K in keyof UsageRow]: UsageRow[K] }
type Figure = 'statements' | 'nanoUsd' | 'billedBytes' | 'slotMs' | 'cacheHits'

const figures: Readonly<Record<string, Figure>> = {
  n: 'statements',
  c: 'nanoUsd',
  b: 'billedBytes',
  t: 'slotMs',
  h: 'cacheHits',
}

/** Sums of the days, grouped as the selection says. @param prefix of the ledger's keys */
export async function usageOf(redis: RedisConnection, prefix: string, selection: UsageSelection): Promise<UsageRow[]> {
  const { by } = selection
  const ofGroups = by.includes('group') || selection.group !== undefined
  const rows = new Map<string, Sums>()
  for (const day of daysOf(selection))
    for (const [field, value] of Object.entries(await fieldsOf(redis, `${prefix}u:${day}`))) {
      const [source, principal, group, figure, label = ''] = field.split('|') as [
        string,
        string,
        string,
        string,
        string?,
      ]
      if ((group !== '') !== ofGroups || !isSelected(selection, { source, principal, group, label })) continue
      const names = { day, source, principal, group, label }
      const key = JSON.stringify(by.map((name) => names[name]))
      let row = rows.get(key)
      if (!row) {
        const own = Object.fromEntries(by.map((name) => [name, names[name]]))
        row = { ...own, statements: 0, nanoUsd: 0, billedBytes: 0, slotMs: 0, cacheHits: 0 }
        rows.set(key, row)
      }
      row[figures[figure]!] += Number(value)
    }
  if (by.length === 0 && rows.size === 0)
    return [{ statements: 0, nanoUsd: 0, billedBytes: 0, slotMs: 0, cacheHits: 0 }]
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

/** The most expensive statements of the days, of those that each day keeps. @param prefix of the ledger's keys */
export async function topOf(
  redis: RedisConnection,
  prefix: string,
  selection: Omit<UsageSelection, 'by'>,
  limit: number,
): Promise<TopStatement[]> {
  const { group = '', ...others } = selection
  const found = new Map<string, { nanoUsd: number; runs: number; billedBytes: number; text: string | undefined }>()
  for (const day of daysOf(selection)) {
    const costs = await redis.call(
      (client) => client.zrevrange(`${prefix}t:${day}:${group}`, 0, MAX_TOP - 1, 'WITHSCORES'),
      'bulk',
    )
    if (costs.length === 0) continue
    const more = await fieldsOf(redis, `${prefix}n:${day}:${group}`)
    const texts = await fieldsOf(redis, `${prefix}x:${day}`)
    for (let i = 0; i < costs.length; i += 2) {
      const member = costs[i]!
      const [source, principal, hash, label = ''] = member.split('|') as [string, string, string, string?]
      if (!isSelected(others, { source, principal, group, label })) continue
      const statement = `${source}|${principal}|${hash}`
      const sum = found.get(statement) ?? { nanoUsd: 0, runs: 0, billedBytes: 0, text: undefined }
      sum.nanoUsd += Number(costs[i + 1])
      sum.runs += Number(more[`${member}|n`] ?? 0)
      sum.billedBytes += Number(more[`${member}|b`] ?? 0)
      sum.text ??= texts[hash]
      found.set(statement, sum)
    }
  }
  return [...found]
    .sort(([a, x], [b, y]) => y.nanoUsd - x.nanoUsd || y.billedBytes - x.billedBytes || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([statement, { text, ...sums }]) => {
      const [source, principal, hash] = statement.split('|') as [string, string, string]
      return { hash, ...(text !== undefined && { text }), source, principal, ...sums }
    })
}

async function fieldsOf(redis: RedisConnection, name: string): Promise<Readonly<Record<string, string>>> {
  return await redis.call((client) => client.hgetall(name), 'bulk')
}

function isSelected(
  selection: Pick<UsageSelection, 'source' | 'principal' | 'group' | 'label'>,
  names: Readonly<Record<'source' | 'principal' | 'group' | 'label', string>>,
): boolean {
  return (['source', 'principal', 'group', 'label'] as const).every(
    (name) => selection[name] === undefined || selection[name] === names[name],
  )
}

/** Names of the days, both ends included; the last ones of too many. */
function daysOf({ fromDay, toDay }: Pick<UsageSelection, 'fromDay' | 'toDay'>): string[] {
  const last = Date.parse(toDay)
  const first = Math.max(Date.parse(fromDay), last - (MAX_DAYS - 1) * DAY_MS)
  const days: string[] = []
  for (let day = first; day <= last; day += DAY_MS) days.push(new Date(day).toISOString().slice(0, 10))
  return days
}
