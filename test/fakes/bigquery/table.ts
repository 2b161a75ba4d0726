import { type FieldSchema, type Row, restField, sizeOf } from './schema.ts'

/** How a table is divided, with its partitions. */
export interface PartitioningDeclaration {
  /** Name of the column, or `_PARTITIONTIME` for partitions by ingestion time. */
  readonly column: string
  readonly type: 'HOUR' | 'DAY' | 'MONTH' | 'YEAR' | 'RANGE'
  /** Ids as BigQuery names them (`20240131`, `202401`, the start of a range, `__NULL__`), with the rows that each holds. */
  readonly partitions: readonly { readonly id: string; readonly rows: number }[]
  /** Of RANGE. */
  readonly range?: { readonly start: number; readonly end: number; readonly interval: number }
}

/** A key that another table's columns refer to. */
export interface ForeignKeyDeclaration {
  readonly name: string
  /** `dataset.table` in the same project. */
  readonly table: string
  readonly columns: readonly { readonly column: string; readonly refers: string }[]
}

/** A table, view or shard that the stand-in offers. */
export interface TableDeclaration {
  /** `test-project` by default. */
  readonly project?: string
  readonly dataset: string
  /** Id of the table; shards of a wildcard are tables of their own, such as `events_20240101`. */
  readonly name: string
  readonly kind?: 'TABLE' | 'VIEW' | 'MATERIALIZED_VIEW' | 'EXTERNAL'
  /** Of the dataset; `US` by default. */
  readonly location?: string
  readonly schema: readonly FieldSchema[]
  /** Rows as REST sends them, or what makes the row with an index. */
  readonly rows?: readonly Row[] | ((index: number) => Row)
  /** Needed where `rows` is a function; may be larger than the rows that exist. */
  readonly numRows?: number
  /** Logical bytes of whole columns, by name; computed from the rows where absent. */
  readonly columnBytes?: Readonly<Record<string, number>>
  readonly partitioning?: PartitioningDeclaration
  /** Columns by which each partition is ordered. */
  readonly clustering?: readonly string[]
  /** Part of the bytes that a run bills when a filter names the first column of `clustering`; 1 by default. */
  readonly clusteredShare?: number
  readonly requirePartitionFilter?: boolean
  readonly description?: string
  /** Statement of a view. */
  readonly query?: string
  readonly primaryKey?: readonly string[]
  readonly foreignKeys?: readonly ForeignKeyDeclaration[]
  readonly labels?: Readonly<Record<string, string>>
  /** The rows repeat after so many: the Storage API then encodes them once and sends the same batches again and again. */
  readonly repeatsAfter?: number
}

/** Rows by index: an array, or made on demand. */
export interface RowSource {
  readonly length: number
  /** The rows repeat after so many. */
  readonly repeatsAfter?: number
  at(index: number): Row
}

/** The project of tables that name none. */
export const defaultProject = 'test-project'

/** A table of the stand-in, with its rows and sizes. */
export class FakeTable {
  readonly project: string
  readonly dataset: string
  readonly name: string
  readonly kind: NonNullable<TableDeclaration['kind']>
  readonly location: string
  readonly declaration: TableDeclaration
  readonly createdAt = Date.now()
  /** Changes with the content: cached results and batches are of one version. */
  version = 0
  #schema: readonly FieldSchema[]
  #rows: RowSource
  #sizes = new Map<string, number>()

  constructor(declaration: TableDeclaration) {
    this.project = declaration.project ?? defaultProject
    this.dataset = declaration.dataset
    this.name = declaration.name
    this.kind = declaration.kind ?? 'TABLE'
    this.location = declaration.location ?? 'US'
    this.declaration = declaration
    this.#schema = declaration.schema.map(restField)
    const { rows = [] } = declaration
    this.#rows =
      typeof rows === 'function'
        ? {
            length: declaration.numRows ?? 0,
            at: rows,
            ...(declaration.repeatsAfter && { repeatsAfter: declaration.repeatsAfter }),
          }
        : { length: rows.length, at: (index) => rows[index]! }
  }

  get schema(): readonly FieldSchema[] {
    return this.#schema
  }

  get rows(): RowSource {
    return this.#rows
  }

  /** Rows that the metadata tell, which may be more than exist. */
  get numRows(): number {
    const { numRows, partitioning } = this.declaration
    if (this.version > 0) return this.#rows.length
    return numRows ?? (this.#rows.length || (partitioning?.partitions.reduce((sum, { rows }) => sum + rows, 0) ?? 0))
  }

  /** `project.dataset.table` */
  get path(): string {
    return `${this.project}.${this.dataset}.${this.name}`
  }

  get reference(): { readonly projectId: string; readonly datasetId: string; readonly tableId: string } {
    return { projectId: this.project, datasetId: this.dataset, tableId: this.name }
  }

  /** Whole logical bytes of a column, or of a leaf of a RECORD named by its path. */
  columnBytes(path: string): number {
    const declared = this.declaration.columnBytes?.[path]
    if (declared !== undefined) return declared
    const known = this.#sizes.get(path)
    if (known !== undefined) return known
    const sampled = Math.min(this.#rows.length, this.declaration.repeatsAfter ?? 100_000)
    let bytes = 0
    for (let row = 0; row < sampled; row++) bytes += leafSize(this.#rows.at(row), this.#schema, path.split('.'))
    const whole = sampled === 0 ? 0 : Math.round((bytes * this.#rows.length) / sampled)
    this.#sizes.set(path, whole)
    return whole
  }

  get numBytes(): number {
    if (this.kind === 'VIEW' || this.kind === 'EXTERNAL') return 0
    return this.#schema.reduce((sum, { name }) => sum + this.columnBytes(name), 0)
  }

  /** Replaces the rows, as DML does. */
  replaceRows(rows: readonly Row[], schema = this.#schema): void {
    this.#schema = schema
    this.#rows = { length: rows.length, at: (index) => rows[index]! }
    this.#sizes = new Map()
    this.version++
  }
}

function leafSize(row: Row, fields: readonly FieldSchema[], path: readonly string[]): number {
  const index = fields.findIndex((field) => field.name.toLowerCase() === path[0]!.toLowerCase())
  const value = index < 0 ? null : row.f[index]!.v
  if (path.length === 1 || value === null) return value === null ? 0 : sizeOf(value, fields[index]!)
  return leafSize(value as Row, fields[index]!.fields ?? [], path.slice(1))
}
