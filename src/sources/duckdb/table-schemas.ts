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
import { decimalDigits, decimalDigitsByType } from './types/column-metadata.ts'

/** Most tables of one page. A page also ends once its schemas exceed `MAX_SCHEMA_BYTES`. */
const MAX_TABLES = 100
const MAX_SCHEMA_BYTES = 1 << 20
/** Rows between two checks whether to yield to the event loop; a row costs little. */
const ROWS_BETWEEN_YIELDS = 64
/** Bound of the cache of encoded column types, in bytes, with their names. */
const MAX_CACHED_BYTES = 16 << 20

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
 * The SQL that lists the tables of a database with their columns, one row for each column, in the order that the
 * specification asks for. One statement sees one snapshot of the catalog, while a statement for each table would fail on
 * tables dropped meanwhile. A broken view still has its old columns. The SQL uses DuckDB's own functions, since
 * information_schema takes twice as long for many tables.
 *
 * @param source the database's name as a literal
 * @param conditions on `c`, with `schema_name`, `table_name` and `table_type`
 */
export function columnsSql(source: string, conditions: string): string {
  return `SELECT schema_name, table_name, table_type, column_name, data_type, is_nullable, numeric_precision, numeric_scale,
      system.main.contains(column_default, 'nextval')
    FROM (SELECT columns.*, CASE WHEN view_name IS NULL THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type
      FROM system.main.duckdb_columns() columns LEFT JOIN
        (SELECT schema_name AS view_schema, view_name FROM system.main.duckdb_views() WHERE database_name = ${source})
      ON schema_name = view_schema AND table_name = view_name WHERE database_name = ${source}) c
    WHERE true ${conditions}
    ORDER BY schema_name, table_name, column_index`
}

/** Builds the schemas of tables from the rows of `columnsSql`. */
export class TableSchemas {
  readonly #source: string
  readonly #writes: boolean
  readonly #fieldsOf: (types: readonly string[]) => Promise<readonly (Field | undefined)[]>
  /** By DuckDB's name of the type, which includes the values of an ENUM and the fields of a STRUCT. */
  readonly #columnsByType = new LRUCache<string, ColumnOfType>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ bytes }, type) => 2 * type.length + bytes,
  })

  /** @param fieldsOf returns the Arrow fields of types; undefined for a type that cannot be sent */
  constructor(
    source: string,
    writes: boolean,
    fieldsOf: (types: readonly string[]) => Promise<readonly (Field | undefined)[]>,
  ) {
    this.#source = source
    this.#writes = writes
    this.#fieldsOf = fieldsOf
  }

  /** Yields the tables of these rows in pages. @param tables the rows of `columnsSql`, as Arrow tables */
  async *read(tables: AsyncIterable<Table>): AsyncGenerator<readonly TableEntry[], void, undefined> {
    const loopTurn = new LoopTurn(ROWS_BETWEEN_YIELDS)
    const assembler = new SchemaAssembler()
    let finished: TableEntry[] = []
    let bytes = 0
    let currentTable: TableEntry | undefined
    const commonParts = new Map<string, CommonPart>()
    const finishTable = (entry: TableEntry) => {
      let common = commonParts.get(entry.type)
      if (!common) {
        common = this.#commonPart(entry)
        commonParts.set(entry.type, common)
      }
      const schemaMessage = assembler.finish(common, Buffer.from(entry.table))
      finished.push({ ...entry, schemaMessage })
      bytes += schemaMessage.byteLength
    }
    for await (const table of tables) {
      const [schema, name, tableType, columnName, dataType] = textColumns.map((i) => new TextColumn(table, i))
      const isNullable = new FlagColumn(table, Column.isNullable)
      const isGenerated = new FlagColumn(table, Column.isGenerated)
      const { types, columns } = await this.#columnsOf(table, dataType!)
      for (let i = 0; i < table.numRows; i++) {
        const pause = loopTurn.next()
        if (pause) await pause
        const isNewTable =
          i === 0
            ? currentTable?.table !== name!.at(0) || currentTable.schema !== schema!.at(0)
            : !name!.repeats(i) || !schema!.repeats(i)
        if (isNewTable) {
          if (currentTable) finishTable(currentTable)
          if (finished.length >= MAX_TABLES || bytes >= MAX_SCHEMA_BYTES) {
            yield finished
            finished = []
            bytes = 0
          }
          const nextTable = { catalog: this.#source, schema: schema!.at(i), table: name!.at(i), type: tableType!.at(i) }
          if (nextTable.schema !== currentTable?.schema) commonParts.clear()
          currentTable = nextTable
        }
        if (columnName!.isNull(i)) continue
        const { generated, plain } = columns.get(types[i]!)!
        const part = isGenerated.at(i) ? generated : plain
        assembler.add(part, isNullable.at(i), columnName!.bytes, columnName!.start(i), columnName!.end(i))
      }
    }
    if (currentTable) finishTable(currentTable)
    if (finished.length > 0) yield finished
  }

  /** The type of each row, and the encoded column of each distinct type. */
  async #columnsOf(
    table: Table,
    dataType: TextColumn,
  ): Promise<{ types: string[]; columns: Map<string, ColumnOfType> }> {
    const types: string[] = []
    const columns = new Map<string, ColumnOfType>()
    const uncached = new Map<string, number>()
    for (let i = 0; i < table.numRows; i++) {
      const type = i > 0 && dataType.repeats(i) ? types[i - 1]! : dataType.at(i)
      types.push(type)
      if (columns.has(type) || uncached.has(type)) continue
      const cached = this.#columnsByType.get(type)
      if (cached) columns.set(type, cached)
      else uncached.set(type, i)
    }
    if (uncached.size === 0) return { types, columns }
    const fields = await this.#fieldsOf([...uncached.keys()])
    for (const [i, [type, row]] of [...uncached].entries()) {
      const field = fields[i] ?? unsupportedField
      const precision = numberAt(table, Column.precision, row)
      const scale = numberAt(table, Column.scale, row)
      const column = createColumn(field, { dataType: type, precision, scale })
      this.#columnsByType.set(type, column)
      columns.set(type, column)
    }
    return { types, columns }
  }

  /** The metadata that the columns of all tables of one type in one schema share. */
  #commonPart({ catalog, schema, type }: TableEntry): CommonPart {
    const isReadOnly = !this.#writes || type === 'VIEW'
    const values = [catalog, schema, schema, '0', '1', '0', '1', isReadOnly ? '1' : '0', '1']
    return encodeCommonPart(
      commonKeys[0]!,
      values.map((value, i) => [commonKeys[i + 1]!, value]),
    )
  }
}

/** Indices of the metadata that the columns of a table share. */
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

/** Stands for a column of a type that cannot be sent as Arrow: a column of nulls. */
const unsupportedField: Field = { name: '', format: 'n', nullable: true, metadata: [], children: [] }

/** The encoded column of one type, with and without a sequence that fills it. */
interface ColumnOfType {
  readonly plain: ColumnPart
  readonly generated: ColumnPart
  readonly bytes: number
}

/** What DuckDB reports about a type. */
interface TypeInfo {
  readonly dataType: string
  readonly precision: number | null
  readonly scale: number | null
}

function createColumn(field: Field, info: TypeInfo): ColumnOfType {
  const plain = encodeColumnPart(field, metadataOf(field, info, Common.isNotGenerated))
  const generated = encodeColumnPart(field, metadataOf(field, info, Common.isGenerated))
  return { plain, generated, bytes: plain.bytes.byteLength + generated.bytes.byteLength }
}

/**
 * The Flight SQL metadata of a column.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html; arrow-go reads SCHEMA_NAME where the page says DB_SCHEMA_NAME.
 */
function metadataOf(field: Field, { dataType, precision, scale }: TypeInfo, generated: number): (Pair | number)[] {
  const knownPrecision = decimalDigits(field.format)?.precision ?? decimalDigitsByType[dataType] ?? precision
  const typeMetadata: Pair[] = [[`${PREFIX}TYPE_NAME`, dataType]]
  if (knownPrecision !== null) typeMetadata.push([`${PREFIX}PRECISION`, String(knownPrecision)])
  if (scale !== null) typeMetadata.push([`${PREFIX}SCALE`, String(scale)])
  const replacedKeys = new Set([...commonKeys, ...typeMetadata.map(([key]) => key)])
  return [
    ...field.metadata.filter(([key]) => !replacedKeys.has(key)),
    Common.catalogName,
    Common.dbSchemaName,
    Common.schemaName,
    Common.tableName,
    generated,
    field.format === 'u' ? Common.isCaseSensitive : Common.isCaseInsensitive,
    Common.isReadOnly,
    Common.isSearchable,
    ...typeMetadata,
  ]
}

function numberAt(table: Table, column: number, row: number): number | null {
  return table.getChildAt(column)!.get(row)
}
