import type { Value } from '../schema.ts'
import type { FakeTable, PartitioningDeclaration } from '../table.ts'
import type { Comparison, Condition, Scan } from './scan.ts'

const dayMs = 86_400_000

/** The shards of a scan that its conditions on `_TABLE_SUFFIX` leave. */
export function shardsOf({ tables, conditions, prefixLength }: Scan): readonly FakeTable[] {
  if (prefixLength === undefined) return tables
  const textOrder = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return tables.filter(({ name }) => {
    const suffix = name.slice(prefixLength)
    return possible(conditions, ({ column, operator, values }) =>
      column === '_TABLE_SUFFIX' ? matches(operator, suffix, suffix, values.map(String), textOrder) : true,
    )
  })
}

/** Ids of the partitions that may hold rows of the result; undefined for a table without partitions. */
export function partitionsOf(table: FakeTable, conditions: readonly Condition[]): ReadonlySet<string> | undefined {
  const { partitioning } = table.declaration
  if (!partitioning) return undefined
  const left = partitioning.partitions.filter(({ id }) =>
    possible(conditions, (item) => !isAbout(item, partitioning) || mayMatch(id, item, partitioning)),
  )
  return new Set(left.map(({ id }) => id))
}

/** Whether conditions say anything of the partitions, as `require_partition_filter` demands. */
export function limitsPartitions(table: FakeTable, conditions: readonly Condition[]): boolean {
  const { partitioning } = table.declaration
  if (!partitioning) return false
  return conditions.some((condition) =>
    'anyOf' in condition
      ? condition.anyOf.every((alternative) => limitsPartitions(table, alternative))
      : isAbout(condition, partitioning),
  )
}

/** Whether all conditions can hold, where each comparison by itself can or cannot. */
function possible(conditions: readonly Condition[], can: (item: Comparison) => boolean): boolean {
  return conditions.every((condition) =>
    'anyOf' in condition ? condition.anyOf.some((alternative) => possible(alternative, can)) : can(condition),
  )
}

function isAbout({ column }: Comparison, partitioning: PartitioningDeclaration): boolean {
  if (column === partitioning.column) return true
  return partitioning.column === '_PARTITIONTIME' && column === '_PARTITIONDATE'
}

function mayMatch(id: string, { operator, values, type, through }: Comparison, partitioning: PartitioningDeclaration) {
  if (id === '__NULL__') return operator === 'is null'
  if (id === '__UNPARTITIONED__') return true
  if (operator === 'is null') return false
  const range = rangeOf(id, partitioning)
  const byDay = through === 'DATE' || type === 'DATE'
  const low = byDay ? floorDay(range.low) : range.low
  const high = byDay ? floorDay(range.high) : range.high
  const constants = values.filter((value) => value !== null).map((value) => pointOf(value, type))
  return matches(operator, low, high, constants, (a, b) => a - b)
}

/** Whether some value between `low` and `high` (inclusive) meets the operator. */
function matches<T>(
  operator: Comparison['operator'],
  low: T,
  high: T,
  values: readonly T[],
  order: (a: T, b: T) => number,
) {
  const [value] = values
  if (value === undefined) return operator === 'is null'
  switch (operator) {
    case '=':
    case 'in':
      return values.some((item) => order(item, low) >= 0 && order(item, high) <= 0)
    case '<':
      return order(low, value) < 0
    case '<=':
      return order(low, value) <= 0
    case '>':
      return order(high, value) > 0
    case '>=':
      return order(high, value) >= 0
    default:
      return false
  }
}

function floorDay(ms: number): number {
  return Math.floor(ms / dayMs) * dayMs
}

/** A constant as milliseconds since 1970, or as the number that it is. */
function pointOf(value: Value, type: string): number {
  if (type === 'TIMESTAMP') return Number(BigInt(value as string) / 1000n)
  if (type === 'DATE' || type === 'DATETIME') {
    const text = String(value)
    return Date.parse(`${text.length <= 10 ? `${text}T00:00:00` : text.slice(0, 23)}Z`)
  }
  return Number(value)
}

/** First and last moment (milliseconds) or number of a partition. */
function rangeOf(
  id: string,
  { type, range }: PartitioningDeclaration,
): { readonly low: number; readonly high: number } {
  if (type === 'RANGE') return { low: Number(id), high: Number(id) + (range?.interval ?? 1) - 1 }
  const [year, month = 1, day = 1, hour = 0] = [
    id.slice(0, 4),
    ...[4, 6, 8].map((at) => id.slice(at, at + 2)).filter((text) => text !== ''),
  ].map(Number)
  const start = Date.UTC(year!, month - 1, day, hour)
  const end = {
    HOUR: Date.UTC(year!, month - 1, day, hour + 1),
    DAY: Date.UTC(year!, month - 1, day + 1),
    MONTH: Date.UTC(year!, month, 1),
    YEAR: Date.UTC(year! + 1, 0, 1),
  }[type]
  return { low: start, high: end - 1 }
}
