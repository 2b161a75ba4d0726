/** How values combine: those of one step, or those of several processes. */
type Rule = 'sum' | 'max' | 'min'

/** What a column combines by. Values that are unknown (NaN) do not count. */
interface Column {
  readonly inStep: Rule
  readonly ofProcesses: Rule
}

const gauge = { inStep: 'max', ofProcesses: 'sum' } as const satisfies Column
const count = { inStep: 'sum', ofProcesses: 'sum' } as const satisfies Column
const worst = { inStep: 'max', ofProcesses: 'max' } as const satisfies Column

/** Columns of the history of a source. A gauge has the highest value of a step, so that peaks stay. */
export const sourceColumns = {
  /** 1 if the last health check succeeded, 0 if it failed; unknown before the first one. */
  up: { inStep: 'min', ofProcesses: 'min' },
  /** Worst circuit breaker of the servers: 0 closed, 1 half open, 2 open; unknown without servers. */
  breaker: worst,
  connections: gauge,
  busyConnections: gauge,
  maxConnections: gauge,
  /** Calls that wait for a connection. */
  waiting: gauge,
  slots: gauge,
  slotsUsed: gauge,
  /** Statements that wait for a slot. */
  queued: gauge,
  /** Statements that ended, planned or not. */
  statements: count,
  /** Those that ended with an error other than CANCELLED. */
  failed: count,
  rows: count,
  bytes: count,
  cacheHits: count,
  cacheStaleHits: count,
  cacheMisses: count,
  cacheBypasses: count,
} as const satisfies Readonly<Record<string, Column>>

/** Columns of the history of the processes. */
export const processColumns = {
  /** Longest delay of the event loop in milliseconds; of the worst process. */
  eventLoopMs: worst,
  rssBytes: gauge,
  cacheBytes: gauge,
  cacheEntries: gauge,
} as const satisfies Readonly<Record<string, Column>>

export type Columns = Readonly<Record<string, Column>>
export type SourceColumn = keyof typeof sourceColumns
export type ProcessColumn = keyof typeof processColumns

/** Values of columns over time. A value is null where nothing is known. */
export type Series<N extends string> = Readonly<Record<N, readonly (number | null)[]>>

/** Combines two values. */
export function combine(rule: Rule, a: number, b: number): number {
  if (Number.isNaN(a)) return b
  if (Number.isNaN(b)) return a
  return rule === 'sum' ? a + b : rule === 'max' ? Math.max(a, b) : Math.min(a, b)
}

/** Combines the series of several processes, which cover the same steps. */
export function mergeSeries<C extends Columns>(
  columns: C,
  all: readonly Series<keyof C & string>[],
): Series<keyof C & string> {
  return seriesOf(Object.keys(columns) as (keyof C & string)[], (name) => {
    const rule = columns[name]!.ofProcesses
    const [first = [], ...others] = all.map((series) => series[name])
    return first.map((value, i) =>
      others.reduce<number | null>((sum, other) => combineOrNull(rule, sum, other[i] ?? null), value),
    )
  })
}

/** Makes series of their names and values. */
export function seriesOf<N extends string>(
  names: readonly N[],
  valuesOf: (name: N, column: number) => readonly (number | null)[],
): Series<N> {
  const series = {} as Record<N, readonly (number | null)[]>
  for (const [column, name] of names.entries()) series[name] = valuesOf(name, column)
  return series
}

function combineOrNull(rule: Rule, a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : combine(rule, a, b)
}
