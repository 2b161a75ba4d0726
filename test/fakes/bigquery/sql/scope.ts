import type { FieldSchema, Value } from '../schema.ts'
import type { Expression } from './expression.ts'
import type { Column } from './scan.ts'

/** One table expression of a FROM: its columns stand at `offset` of the joined row. */
export interface Range {
  readonly alias: string | undefined
  readonly columns: readonly Column[]
  readonly offset: number
}

/** The names that an expression may use. */
export interface Scope {
  readonly ranges: readonly Range[]
  /** Of the query around a subquery. */
  readonly outer?: Scope | undefined
}

/** The column, field of a column or whole row that a path names; undefined if there is none. */
export function resolvePath(path: readonly string[] | undefined, scope: Scope): Expression | undefined {
  if (!path) return undefined
  const [first, ...rest] = path
  for (const range of scope.ranges)
    if (range.alias?.toLowerCase() === first!.toLowerCase()) {
      if (rest.length === 0) return columnNamed(first!, range) ?? wholeRow(range)
      const column = columnNamed(rest[0]!, range)
      if (column) return fields(column, rest.slice(1))
    }
  for (const range of scope.ranges) {
    const column = columnNamed(first!, range)
    if (column) return fields(column, rest)
  }
  if (!scope.outer) return undefined
  const found = resolvePath(path, scope.outer)
  return found && { ...found, constant: false, value: () => null }
}

function columnNamed(name: string, range: Range): Expression | undefined {
  const index = range.columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase())
  if (index < 0) return undefined
  const { field, refs, direct } = range.columns[index]!
  return {
    field,
    refs,
    ...(direct && { direct }),
    constant: false,
    aggregate: false,
    value: (row) => row[range.offset + index] ?? null,
  }
}

/** Only the named leaf of a RECORD is read: BigQuery stores each leaf as a column of its own. */
function fields(column: Expression, path: readonly string[]): Expression | undefined {
  let found: Expression = column
  for (const name of path) {
    const index = found.field.fields?.findIndex((field) => field.name.toLowerCase() === name.toLowerCase()) ?? -1
    if (index < 0) return undefined
    const field: FieldSchema = found.field.fields![index]!
    const { value } = found
    const direct = found.direct?.map((ref) => ({ ...ref, column: `${ref.column}.${field.name}` }))
    found = {
      field,
      refs: direct ?? found.refs,
      ...(direct && { direct }),
      constant: false,
      aggregate: false,
      value: (row, group) => {
        const whole = value(row, group)
        return whole !== null && typeof whole === 'object' && 'f' in whole ? whole.f[index]!.v : null
      },
    }
  }
  return found
}

function wholeRow({ columns, offset }: Range): Expression {
  const visible = columns.filter(({ hidden }) => !hidden)
  return {
    field: { name: '', type: 'RECORD', mode: 'NULLABLE', fields: visible.map(({ field }) => field) },
    refs: visible.flatMap(({ refs }) => refs),
    constant: false,
    aggregate: false,
    value: (row): Value => ({ f: visible.map((column) => ({ v: row[offset + columns.indexOf(column)] ?? null })) }),
  }
}
