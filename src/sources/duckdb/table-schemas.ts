import type { Table } from 'apache-arrow'
import { LRUCache } from 'lru-cache'
import { encodeSchema, type Field } from '../../arrow/schema.ts'
import type { TableEntry } from '../../query/catalog.ts'
import { decimalDigits, digits, withFacts } from './types/column-metadata.ts'

/** Tables that are handed on together. */
const MAX_TABLES = 100
/** How long rows are worked on before others get their turn, in milliseconds. */
const TURN_MS = 8
const ROWS_BETWEEN_LOOKS = 64
const MAX_KNOWN_TYPES = 10_000

/** What the rows of `columnsSql` are called. */
interface ColumnRow {
  readonly schema: string
  readonly table: string
  readonly type: string
  readonly column: string | null
  readonly dataType: string
  readonly isNullable: boolean
  readonly precision: number | null
  readonly scale: number | null
  readonly isGenerated: boolean
}

/**
 * The tables of a database with their columns, a row a column, in the order of the specification. One statement sees one
 * moment of the catalog, where a statement for each table would meet what others drop meanwhile; a view that is broken has
 * the columns that it had. DuckDB's own functions, since its information_schema takes as long again for many tables.
 *
 * @param source the database's name as a literal
 * @param conditions on `c`, with `schema_name`, `table_name` and `table_type`
 */
export function columnsSql(source: string, conditions: string): string {
  return `SELECT schema_name, table_name, table_type, column_name, data_type, is_nullable, numeric_precision, numeric_scale,
      contains(column_default, 'nextval')
    FROM (SELECT columns.*, CASE WHEN view_name IS NULL THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type
      FROM duckdb_columns() columns LEFT JOIN
        (SELECT schema_name AS view_schema, view_name FROM duckdb_views() WHERE database_name = ${source})
      ON schema_name = view_schema AND table_name = view_name WHERE database_name = ${source}) c
    WHERE true ${conditions}
    ORDER BY schema_name, table_name, column_index`
}

/** Makes the schemas of tables out of the rows of `columnsSql`. */
export class TableSchemas {
  readonly #source: string
  readonly #writes: boolean
  readonly #fieldsOf: (types: readonly string[]) => Promise<readonly (Field | undefined)[]>
  /** By the type's name in DuckDB, which holds the values of an ENUM and the members of a STRUCT. */
  readonly #known = new LRUCache<string, Field>({ max: MAX_KNOWN_TYPES })

  /** @param fieldsOf the Arrow fields of types, undefined where a type cannot be sent */
  constructor(
    source: string,
    writes: boolean,
    fieldsOf: (types: readonly string[]) => Promise<readonly (Field | undefined)[]>,
  ) {
    this.#source = source
    this.#writes = writes
    this.#fieldsOf = fieldsOf
  }

  /** The tables of these rows, some at a time. @param tables the rows of `columnsSql`, as Arrow tables */
  async *read(tables: AsyncIterable<Table>): AsyncGenerator<readonly TableEntry[], void, undefined> {
    let ready: TableEntry[] = []
    let columns: ColumnRow[] = []
    let turnEndsAt = performance.now() + TURN_MS
    for await (const table of tables) {
      const rows = readRows(table)
      await this.#learn(rows.types)
      for (let i = 0; i < table.numRows; i++) {
        if (i % ROWS_BETWEEN_LOOKS === 0 && performance.now() > turnEndsAt) {
          await new Promise((resolve) => setImmediate(resolve))
          turnEndsAt = performance.now() + TURN_MS
        }
        const row = rows.at(i)
        const [first] = columns
        if (first && (first.table !== row.table || first.schema !== row.schema)) {
          ready.push(this.#entryOf(columns))
          columns = []
          if (ready.length >= MAX_TABLES) {
            yield ready
            ready = []
          }
        }
        columns.push(row)
      }
    }
    if (columns.length > 0) ready.push(this.#entryOf(columns))
    if (ready.length > 0) yield ready
  }

  async #learn(types: ReadonlySet<string>): Promise<void> {
    const unknown = [...types].filter((type) => !this.#known.has(type))
    if (unknown.length === 0) return
    const fields = await this.#fieldsOf(unknown)
    for (const [i, type] of unknown.entries()) this.#known.set(type, fields[i] ?? unreadable)
  }

  #entryOf(rows: readonly ColumnRow[]): TableEntry {
    const { schema, table, type } = rows[0]!
    const entry = { catalog: this.#source, schema, table, type }
    const isReadOnly = !this.#writes || type === 'VIEW'
    const described = new Map<string, Field>()
    const children = rows.flatMap((row): Field[] => {
      if (row.column === null) return []
      // Of one type all is the same but the name: the schema holds it once.
      const key = `${row.isGenerated} ${row.dataType}`
      let field = described.get(key)
      if (!field) {
        field = describe(this.#known.get(row.dataType) ?? unreadable, row, entry, isReadOnly)
        described.set(key, field)
      }
      return [{ ...field, name: row.column, nullable: row.isNullable }]
    })
    return { ...entry, schemaMessage: encodeSchema({ ...root, children }) }
  }
}

const root: Field = { name: '', format: '+s', nullable: false, metadata: [], children: [] }
/** A column of a type that cannot be sent as Arrow: what of it can be selected is nothing. */
const unreadable: Field = { name: '', format: 'n', nullable: true, metadata: [], children: [] }

/**
 * A column of a table, but for its name, with what Flight SQL clients read of it.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html; arrow-go reads SCHEMA_NAME where the page says DB_SCHEMA_NAME.
 */
function describe(type: Field, row: ColumnRow, entry: TableEntry, isReadOnly: boolean): Field {
  const precision = decimalDigits(type.format)?.precision ?? digits[row.dataType] ?? row.precision
  const facts = {
    CATALOG_NAME: entry.catalog,
    DB_SCHEMA_NAME: entry.schema,
    SCHEMA_NAME: entry.schema,
    TABLE_NAME: entry.table,
    IS_AUTO_INCREMENT: row.isGenerated ? '1' : '0',
    IS_CASE_SENSITIVE: type.format === 'u' ? '1' : '0',
    IS_READ_ONLY: isReadOnly ? '1' : '0',
    IS_SEARCHABLE: '1',
    TYPE_NAME: row.dataType,
    ...(precision !== null && { PRECISION: String(precision) }),
    ...(row.scale !== null && { SCALE: String(row.scale) }),
  }
  return withFacts(type, facts)
}

/** Rows of `columnsSql`, read where they lie; a type's name is often the same as the one before. */
function readRows(table: Table): { readonly types: ReadonlySet<string>; at(row: number): ColumnRow } {
  const column = (i: number) => table.getChildAt(i)!
  const [schema, name, type, columnName, dataType, isNullable, precision, scale, isGenerated] = Array.from(
    { length: 9 },
    (_, i) => column(i),
  )
  const types = new Set<string>()
  for (const value of dataType!) if (value !== null) types.add(value as string)
  return {
    types,
    at: (row) => ({
      schema: schema!.get(row),
      table: name!.get(row),
      type: type!.get(row),
      column: columnName!.get(row),
      dataType: dataType!.get(row),
      isNullable: isNullable!.get(row) !== false,
      precision: precision!.get(row),
      scale: scale!.get(row),
      isGenerated: isGenerated!.get(row) === true,
    }),
  }
}
