import { tableFromIPC } from 'apache-arrow'
import { readFrame } from '../../arrow/flight-data.ts'
import { joinStream } from '../../arrow/ipc.ts'
import { decodeSchema, encodeSchema, type Field } from '../../arrow/schema.ts'
import type {
  Catalog,
  ForeignKeyColumn,
  KeyColumn,
  SchemaEntry,
  TableEntry,
  TableFilter,
  TableReference,
} from '../../query/catalog.ts'
import type { Source } from '../../query/source.ts'
import type { Context } from '../../query/types.ts'
import { digits, withFacts } from './column-facts.ts'
import { DEFAULT_SCHEMA, quoteIdentifier, quoteLiteral } from './open.ts'

const INTERNAL_SCHEMAS = "('information_schema', 'pg_catalog')"
/** Bound of what metadata queries read into memory. */
const MAX_BYTES = 64 << 20

type Row = Readonly<Record<string, unknown>>

/** The catalog of an embedded DuckDB, read with its own functions. */
export class DuckDbCatalog implements Catalog {
  readonly current: { readonly catalog: string; readonly schema: string }
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
    this.current = { catalog: source.name, schema: DEFAULT_SCHEMA }
  }

  async catalogs(): Promise<readonly string[]> {
    return [this.#source.name]
  }

  async schemas(schemaPattern: string | undefined, ctx: Context): Promise<readonly SchemaEntry[]> {
    const rows = await this.#rows(
      `SELECT DISTINCT schema_name FROM duckdb_schemas()
       WHERE ${this.#own()} AND schema_name NOT IN ${INTERNAL_SCHEMAS} ${like('schema_name', schemaPattern)}
       ORDER BY schema_name`,
      ctx,
    )
    return rows.map((row) => ({ catalog: this.#source.name, schema: String(row['schema_name']) }))
  }

  async hasSchema(schema: string, ctx: Context): Promise<boolean> {
    const rows = await this.#rows(
      `SELECT 1 FROM duckdb_schemas() WHERE database_name IN (${quoteLiteral(this.#source.name)}, 'system')
       AND lower(schema_name) = lower(${quoteLiteral(schema)}) LIMIT 1`,
      ctx,
    )
    return rows.length > 0
  }

  async tables({ schemaPattern, tablePattern, types }: TableFilter, ctx: Context): Promise<readonly TableEntry[]> {
    const wanted = types.length > 0 ? `AND table_type IN (${types.map(quoteLiteral).join(', ')})` : ''
    const rows = await this.#rows(
      `SELECT table_schema, table_name, table_type FROM information_schema.tables
       WHERE table_catalog = ${quoteLiteral(this.#source.name)} AND table_schema NOT IN ${INTERNAL_SCHEMAS}
       ${like('table_schema', schemaPattern)} ${like('table_name', tablePattern)} ${wanted}
       ORDER BY table_type, table_schema, table_name`,
      ctx,
    )
    return rows.map((row) => ({
      catalog: this.#source.name,
      schema: String(row['table_schema']),
      table: String(row['table_name']),
      type: String(row['table_type']),
    }))
  }

  async tableSchema(entry: TableEntry, ctx: Context): Promise<Uint8Array> {
    const { catalog, schema, table } = entry
    const name = [catalog, schema, table].map(quoteIdentifier).join('.')
    const query = { source: this.#source.name, sql: `SELECT * FROM ${name}`, session: {}, purpose: 'read' } as const
    const root = decodeSchema((await this.#source.plan(query, ctx)).schema)
    const rows = await this.#rows(
      `SELECT column_name, is_nullable, data_type, numeric_precision, numeric_scale, column_default
       FROM duckdb_columns() WHERE ${this.#own()} AND schema_name = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)}`,
      ctx,
    )
    const columns = new Map(rows.map((row) => [String(row['column_name']), row]))
    const readOnly = !this.#source.writes || entry.type === 'VIEW'
    const children = root.children.map((field) => describe(field, columns.get(field.name), entry, readOnly))
    return encodeSchema({ ...root, children })
  }

  /** Temporary tables are not among them: they are in a catalog of their own, and seen in their transaction only. */
  async tableTypes(): Promise<readonly string[]> {
    return ['BASE TABLE', 'VIEW']
  }

  async primaryKeys({ schema, table }: TableReference, ctx: Context): Promise<readonly KeyColumn[]> {
    const rows = await this.#rows(
      `SELECT schema_name, table_name, constraint_name, unnest(constraint_column_names) AS column_name,
         generate_subscripts(constraint_column_names, 1) AS sequence
       FROM duckdb_constraints()
       WHERE ${this.#own()} AND constraint_type = 'PRIMARY KEY' ${named(schema, 'schema_name')} ${named(table, 'table_name')}`,
      ctx,
    )
    return rows.map((row) => ({
      catalog: this.#source.name,
      schema: String(row['schema_name']),
      table: String(row['table_name']),
      column: String(row['column_name']),
      keyName: text(row['constraint_name']),
      sequence: Number(row['sequence']),
    }))
  }

  async foreignKeys(
    primary: TableReference | undefined,
    foreign: TableReference | undefined,
    ctx: Context,
  ): Promise<readonly ForeignKeyColumn[]> {
    const rows = await this.#rows(
      `SELECT f.schema_name, f.table_name, f.constraint_name, f.referenced_table, p.constraint_name AS primary_name,
         unnest(f.constraint_column_names) AS column_name, unnest(f.referenced_column_names) AS referenced_column,
         generate_subscripts(f.constraint_column_names, 1) AS sequence
       FROM duckdb_constraints() f LEFT JOIN duckdb_constraints() p ON p.database_name = f.database_name
         AND p.schema_name = f.schema_name AND p.table_name = f.referenced_table
         AND p.constraint_column_names = f.referenced_column_names AND p.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
       WHERE f.${this.#own()} AND f.constraint_type = 'FOREIGN KEY'
         ${named(foreign?.schema, 'f.schema_name')} ${named(foreign?.table, 'f.table_name')}
         ${named(primary?.schema, 'f.schema_name')} ${named(primary?.table, 'f.referenced_table')}
       ORDER BY f.schema_name, f.referenced_table, f.table_name, f.constraint_index, sequence`,
      ctx,
    )
    return rows.map((row) => {
      const schema = { catalog: this.#source.name, schema: String(row['schema_name']) }
      return {
        primary: {
          ...schema,
          table: String(row['referenced_table']),
          column: String(row['referenced_column']),
          keyName: text(row['primary_name']),
        },
        foreign: {
          ...schema,
          table: String(row['table_name']),
          column: String(row['column_name']),
          keyName: text(row['constraint_name']),
        },
        sequence: Number(row['sequence']),
      }
    })
  }

  /** Only what belongs to the source's own database. */
  #own(): string {
    return `database_name = ${quoteLiteral(this.#source.name)}`
  }

  async #rows(sql: string, ctx: Context): Promise<readonly Row[]> {
    const query = { source: this.#source.name, sql, session: {}, purpose: 'read' } as const
    const result = await this.#source.run({ query, isUpdate: false }, ctx)
    const { header } = readFrame(result.schema)
    const messages = [{ header, body: new Uint8Array(0) }]
    let bytes = 0
    for await (const frames of result.frames)
      for (const frame of frames) {
        bytes += frame.byteLength
        if (bytes <= MAX_BYTES) {
          const parts = readFrame(frame)
          messages.push({ header: parts.header, body: Uint8Array.from(parts.body) })
        }
        frame.release?.()
      }
    return tableFromIPC(joinStream(messages)).toArray() as Row[]
  }
}

function like(column: string, pattern: string | undefined): string {
  return pattern === undefined ? '' : `AND ${column} LIKE ${quoteLiteral(pattern)} ESCAPE '\\'`
}

function named(value: string | undefined, column: string): string {
  return value === undefined ? '' : `AND ${column} = ${quoteLiteral(value)}`
}

function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/**
 * A column of a table with what Flight SQL clients read of it.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html; arrow-go reads SCHEMA_NAME where the page says DB_SCHEMA_NAME.
 */
function describe(field: Field, column: Row | undefined, entry: TableEntry, readOnly: boolean): Field {
  const facts: Record<string, string> = {
    CATALOG_NAME: entry.catalog,
    DB_SCHEMA_NAME: entry.schema,
    SCHEMA_NAME: entry.schema,
    TABLE_NAME: entry.table,
    IS_AUTO_INCREMENT: String(column?.['column_default'] ?? '').includes('nextval') ? '1' : '0',
    IS_CASE_SENSITIVE: field.format === 'u' ? '1' : '0',
    IS_READ_ONLY: readOnly ? '1' : '0',
    IS_SEARCHABLE: '1',
  }
  if (column) {
    facts['TYPE_NAME'] = String(column['data_type'])
    const precision = digits[facts['TYPE_NAME']!] ?? column['numeric_precision']
    if (precision !== null) facts['PRECISION'] = String(precision)
    if (column['numeric_scale'] !== null) facts['SCALE'] = String(column['numeric_scale'])
  }
  const nullable = column ? column['is_nullable'] !== false : true
  return { ...withFacts(field, facts), nullable }
}
