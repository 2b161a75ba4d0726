import type { FieldSchema, Value } from '../schema.ts'
import type { FakeTable } from '../table.ts'

/** One reference of a statement to a table, or to all shards of a wildcard. */
export interface Scan {
  readonly tables: readonly FakeTable[]
  /** Columns of the top level whose values the statement needs. */
  readonly columns: Set<string>
  /** Conditions on constants that every row of the result meets. */
  readonly conditions: Condition[]
  /** Characters of the wildcard's prefix; undefined for a plain table. */
  readonly prefixLength?: number
  /** Counts besides the other scans of the same table: what UPDATE, DELETE and MERGE rewrite. */
  readonly rewrite?: boolean
}

/** A column of a scan. */
export interface Ref {
  readonly scan: Scan
  readonly column: string
}

/** What a WHERE says of a scan. */
export type Condition = Comparison | { readonly anyOf: readonly (readonly Condition[])[] }

/** What a WHERE says of one column; `values` are constants. */
export interface Comparison {
  readonly column: string
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'in' | 'is null'
  readonly values: readonly Value[]
  /** Function around the column that keeps the order: DATE(column). */
  readonly through?: 'DATE'
  readonly type: string
}

/** A column of a relation, with what it is made of. */
export interface Column {
  readonly name: string
  readonly field: FieldSchema
  /** Everything that must be read for its value. */
  readonly refs: readonly Ref[]
  /** The table columns whose values it is, unchanged: one for each branch of a UNION. */
  readonly direct?: readonly Ref[]
  /** Not part of `*`: pseudo-columns. */
  readonly hidden?: boolean
}

/** A table expression: its columns, and its rows on demand. */
export interface Relation {
  readonly columns: readonly Column[]
  /** Values in the order of the columns. @throws ApiError notImplemented for what only canned answers can give */
  rows(): Iterable<readonly Value[]>
  /** The rows by index, where nothing has to be searched, sorted or grouped: large tables are then never held. */
  readonly source?: ValueSource
}

/** Rows of values by index. */
export interface ValueSource {
  readonly length: number
  readonly repeatsAfter?: number
  at(index: number): readonly Value[]
}
