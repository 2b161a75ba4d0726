import type { Table } from 'apache-arrow'
import { LRUCache } from 'lru-cache'
import type { Field } from '../../arrow/schema.ts'
import { SchemaAssembler } from '../../arrow/schema-assembler.ts'
import {
  type ColumnPart,
  type CommonPart,
  encodeColumnPart,
  encodeCommonPart,
  type Pair,
} from '../../arrow/schema-parts.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import type { TableEntry } from '../../query/catalog.ts'
import { FlagColumn, TextColumn } from './column-rows.ts'
import { decimalDigits, digits } from './types/column-metadata.ts'

/** Tables that are handed on together: so many, or once their schemas have so many bytes. */
const MAX_TABLES = 100
const MAX_SCHEMA_BYTES = 1 << 20
/** A row is little work. */
const ROWS_BETWEEN_LOOKS = 64
/** Types whose encoded form is kept for the tables that follow, in bytes with their names. */
const MAX_KNOWN_BYTES = 16 << 20

const PREFIX = 'ARROW:FLIGHT:SQL:'

/** Positions of the columns of `columnsSql`. */
const Column = {
  schema: 0,
  table: 1,
  tableType: 2,
  name: 3,
  dataType: 4,
  isNullable: 5,
  precision: 6,
  scale: 7,
  isGenerated: 8,
} as const

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
  readonly #known = new LRUCache<string, ColumnOfType>({
    maxSize: MAX_KNOWN_BYTES,
    sizeCalculation: ({ bytes }, type) => 2 * type.length + bytes,
  })

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
    const turn = new LoopTurn(ROWS_BETWEEN_LOOKS)
    const assembler = new SchemaAssembler()
    let ready: TableEntry[] = []
    let bytes = 0
    let current: TableEntry | undefined
    const commonParts = new Map<string, CommonPart>()
    const end = (entry: TableEntry) => {
      let common = commonParts.get(entry.type)
      if (!common) {
        common = this.#commonPart(entry)
        commonParts.set(entry.type, common)
      }
      const schemaMessage = assembler.finish(common, Buffer.from(entry.table))
      ready.push({ ...entry, schemaMessage })
      bytes += schemaMessage.byteLength
    }
    for await (const table of tables) {
      const [schema, name, tableType, columnName, dataType] = textColumns.map((i) => new TextColumn(table, i))
      const isNullable = new FlagColumn(table, Column.isNullable)
      const isGenerated = new FlagColumn(table, Column.isGenerated)
      const { types, columns } = await this.#columnsOf(table, dataType!)
      for (let i = 0; i < table.numRows; i++) {
        const pause = turn.next()
        if (pause) await pause
        const isNext =
          i === 0
            ? current?.table !== name!.at(0) || current.schema !== schema!.at(0)
            : !name!.repeats(i) || !schema!.repeats(i)
        if (isNext) {
          if (current) end(current)
          if (ready.length >= MAX_TABLES || bytes >= MAX_SCHEMA_BYTES) {
            yield ready
            ready = []
            bytes = 0
          }
          const next = { catalog: this.#source, schema: schema!.at(i), table: name!.at(i), type: tableType!.at(i) }
          if (next.schema !== current?.schema) commonParts.clear()
          current = next
        }
        if (columnName!.isNull(i)) continue
        const { generated, plain } = columns.get(types[i]!)!
        const part = isGenerated.at(i) ? generated : plain
        assembler.add(part, isNullable.at(i), columnName!.bytes, columnName!.start(i), columnName!.end(i))
      }
    }
    if (current) end(current)
    if (ready.length > 0) yield ready
  }

  /** The type of each row, and a column of each type among them. */
  async #columnsOf(
    table: Table,
    dataType: TextColumn,
  ): Promise<{ types: string[]; columns: Map<string, ColumnOfType> }> {
    const types: string[] = []
    const columns = new Map<string, ColumnOfType>()
    const unknown = new Map<string, number>()
    for (let i = 0; i < table.numRows; i++) {
      const type = i > 0 && dataType.repeats(i) ? types[i - 1]! : dataType.at(i)
      types.push(type)
      if (columns.has(type) || unknown.has(type)) continue
      const known = this.#known.get(type)
      if (known) columns.set(type, known)
      else unknown.set(type, i)
    }
    if (unknown.size === 0) return { types, columns }
    const fields = await this.#fieldsOf([...unknown.keys()])
    for (const [i, [type, row]] of [...unknown].entries()) {
      const field = fields[i] ?? unreadable
      const precision = numberAt(table, Column.precision, row)
      const scale = numberAt(table, Column.scale, row)
      const column = columnOf(field, { dataType: type, precision, scale })
      this.#known.set(type, column)
      columns.set(type, column)
    }
    return { types, columns }
  }

  /** What the columns of the tables of a type in a schema tell alike. */
  #commonPart({ catalog, schema, type }: TableEntry): CommonPart {
    const isReadOnly = !this.#writes || type === 'VIEW'
    const values = [catalog, schema, schema, '0', '1', '0', '1', isReadOnly ? '1' : '0', '1']
    return encodeCommonPart(
      commonKeys[0]!,
      values.map((value, i) => [commonKeys[i + 1]!, value]),
    )
  }
}

/** Indices of what the columns of a table have in common. */
const Common = {
  tableName: 0,
  catalogName: 1,
  dbSchemaName: 2,
  schemaName: 3,
  isNotGenerated: 4,
  isGenerated: 5,
  isCaseInsensitive: 6,
  isCaseSensitive: 7,
  isReadOnly: 8,
  isSearchable: 9,
} as const
const commonKeys = [
  'TABLE_NAME',
  'CATALOG_NAME',
  'DB_SCHEMA_NAME',
  'SCHEMA_NAME',
  'IS_AUTO_INCREMENT',
  'IS_AUTO_INCREMENT',
  'IS_CASE_SENSITIVE',
  'IS_CASE_SENSITIVE',
  'IS_READ_ONLY',
  'IS_SEARCHABLE',
].map((key) => PREFIX + key)

const textColumns = [Column.schema, Column.table, Column.tableType, Column.name, Column.dataType]

/** A column of a type that cannot be sent as Arrow: what of it can be selected is nothing. */
const unreadable: Field = { name: '', format: 'n', nullable: true, metadata: [], children: [] }

/** Columns of one type, by whether a sequence fills them. */
interface ColumnOfType {
  readonly plain: ColumnPart
  readonly generated: ColumnPart
  readonly bytes: number
}

/** What DuckDB tells of a type. */
interface TypeFacts {
  readonly dataType: string
  readonly precision: number | null
  readonly scale: number | null
}

function columnOf(field: Field, facts: TypeFacts): ColumnOfType {
  const plain = encodeColumnPart(field, metadataOf(field, facts, Common.isNotGenerated))
  const generated = encodeColumnPart(field, metadataOf(field, facts, Common.isGenerated))
  return { plain, generated, bytes: plain.bytes.byteLength + generated.bytes.byteLength }
}

/**
 * What Flight SQL clients read of a column.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html; arrow-go reads SCHEMA_NAME where the page says DB_SCHEMA_NAME.
 */
function metadataOf(field: Field, { dataType, precision, scale }: TypeFacts, generated: number): (Pair | number)[] {
  const ownPrecision = decimalDigits(field.format)?.precision ?? digits[dataType] ?? precision
  const own: Pair[] = [[`${PREFIX}TYPE_NAME`, dataType]]
  if (ownPrecision !== null) own.push([`${PREFIX}PRECISION`, String(ownPrecision)])
  if (scale !== null) own.push([`${PREFIX}SCALE`, String(scale)])
  const told = new Set([...commonKeys, ...own.map(([key]) => key)])
  return [
    ...field.metadata.filter(([key]) => !told.has(key)),
    Common.catalogName,
    Common.dbSchemaName,
    Common.schemaName,
    Common.tableName,
    generated,
    field.format === 'u' ? Common.isCaseSensitive : Common.isCaseInsensitive,
    Common.isReadOnly,
    Common.isSearchable,
    ...own,
  ]
}

function numberAt(table: Table, column: number, row: number): number | null {
  return table.getChildAt(column)!.get(row)
}
