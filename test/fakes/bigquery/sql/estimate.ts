import { invalidQuery } from '../api-error.ts'
import type { FakeTable } from '../table.ts'
import { limitsPartitions, partitionsOf, shardsOf } from './pruning.ts'
import type { Scan } from './scan.ts'

/** What a statement reads. */
export interface BytesRead {
  /** By dry run: an upper bound for clustered tables. */
  readonly estimated: number
  /** By the run: less where clustering helps. */
  readonly processed: number
  /** `LOWER_BOUND` with an external table, `UPPER_BOUND` where clustering may help. */
  readonly accuracy: 'PRECISE' | 'LOWER_BOUND' | 'UPPER_BOUND'
  /** Distinct tables of which bytes are read. */
  readonly tables: readonly FakeTable[]
}

/**
 * Adds up the columns and partitions that scans need. A column of a table counts once however often the statement names the table.
 * @throws ApiError invalidQuery if a table wants a filter on its partitions
 */
export function bytesOf(scans: readonly Scan[]): BytesRead {
  type Columns = Map<string, { parts: Set<string> | undefined; share: number }>
  const perTable = new Map<string, { readonly table: FakeTable; readonly columns: Columns }>()
  let accuracy: BytesRead['accuracy'] = 'PRECISE'
  for (const scan of scans)
    for (const table of shardsOf(scan)) {
      requireFilter(table, scan)
      if (table.kind === 'EXTERNAL') {
        accuracy = 'LOWER_BOUND'
        continue
      }
      const [cluster] = table.declaration.clustering ?? []
      const helps =
        cluster !== undefined &&
        scan.conditions.some((condition) => 'column' in condition && condition.column === cluster)
      if (helps && accuracy === 'PRECISE') accuracy = 'UPPER_BOUND'
      const share = helps ? (table.declaration.clusteredShare ?? 1) : 1
      const parts = partitionsOf(table, scan.conditions)
      const key = `${table.path}${scan.rewrite ? ' rewritten' : ''}`
      const { columns } = perTable.get(key) ?? { columns: new Map() as Columns }
      perTable.set(key, { table, columns })
      for (const column of scan.columns) {
        const known = columns.get(column)
        columns.set(column, {
          parts: parts && new Set([...(known?.parts ?? []), ...parts]),
          share: Math.max(known?.share ?? 0, share),
        })
      }
    }
  let [estimated, processed] = [0, 0]
  const tables = new Set<FakeTable>()
  for (const { table, columns } of perTable.values()) {
    let ofTable = 0
    for (const [column, { parts, share }] of columns) {
      // A whole RECORD contains its leaves.
      if ([...columns.keys()].some((other) => column.startsWith(`${other}.`))) continue
      const bytes = Math.round(table.columnBytes(column) * partOf(table, parts))
      ofTable += bytes
      processed += Math.round(bytes * share)
    }
    estimated += ofTable
    if (ofTable > 0) tables.add(table)
  }
  return { estimated, processed, accuracy, tables: [...tables] }
}

function partOf(table: FakeTable, parts: ReadonlySet<string> | undefined): number {
  if (!parts) return 1
  const all = table.declaration.partitioning!.partitions
  const whole = all.reduce((sum, { rows }) => sum + rows, 0)
  if (whole === 0) return 0
  return all.filter(({ id }) => parts.has(id)).reduce((sum, { rows }) => sum + rows, 0) / whole
}

function requireFilter(table: FakeTable, { conditions }: Scan): void {
  const { requirePartitionFilter, partitioning } = table.declaration
  if (!requirePartitionFilter || limitsPartitions(table, conditions)) return
  throw invalidQuery(
    `Cannot query over table '${table.path}' without a filter over column(s) '${partitioning?.column}' that can be used for partition elimination`,
  )
}

/** What bytes bill: each table at least 10 MiB, rounded up to whole MiB; nothing read costs nothing. */
export function billedBytes(bytes: number, tables: number): number {
  if (bytes === 0) return 0
  const mebibyte = 1 << 20
  return Math.max(10 * mebibyte * Math.max(1, tables), Math.ceil(bytes / mebibyte) * mebibyte)
}
