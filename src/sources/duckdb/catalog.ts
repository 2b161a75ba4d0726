import { type Table, tableFromIPC } from 'apache-arrow'
import { readFrame } from '../../arrow/ipc/flight-data.ts'
import { joinStream } from '../../arrow/ipc/ipc.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import type {
  Catalog,
  ForeignKeyColumn,
  KeyColumn,
  SchemaEntry,
  TableEntry,
  TableFilter,
  TableReference,
} from '../../query/catalog.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context } from '../../query/types.ts'
import { DEFAULT_SCHEMA, quoteLiteral } from './sql/startup.ts'
import { columnsSql, TableSchemas } from './table-schemas.ts'

const INTERNAL_SCHEMAS = "('information_schema', 'pg_catalog')"
/** Most bytes that a metadata query may read into memory. */
const MAX_BYTES = 64 << 20

type Row = Readonly<Record<string, unknown>>

/** The views and macros that users have created. */
export interface UserDefinitions {
  /** The statements that created views, by the view's name in lower case. */
  readonly views: ReadonlyMap<string, readonly string[]>
  /** Names of macros, in upper case. */
  readonly functions: ReadonlySet<string>
}

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
      `SELECT DISTINCT schema_name FROM system.main.duckdb_schemas()
       WHERE ${this.#ownDatabase()} AND schema_name NOT IN ${INTERNAL_SCHEMAS} ${like('schema_name', schemaPattern)}
       ORDER BY schema_name`,
      ctx,
    )
    return rows.map((row) => ({ catalog: this.#source.name, schema: String(row['schema_name']) }))
  }

  async hasSchema(schema: string, ctx: Context): Promise<boolean> {
    const rows = await this.#rows(
      `SELECT 1 FROM system.main.duckdb_schemas() WHERE database_name IN (${quoteLiteral(this.#source.name)}, 'system')
       AND system.main.lower(schema_name) = system.main.lower(${quoteLiteral(schema)}) LIMIT 1`,
      ctx,
    )
    return rows.length > 0
  }

  async tables(filter: TableFilter, ctx: Context): Promise<readonly TableEntry[]> {
    const rows = await this.#rows(
      `SELECT table_schema, table_name, table_type FROM system.information_schema.tables
       WHERE table_catalog = ${quoteLiteral(this.#source.name)} ${tableConditions(filter, 'table_schema')}
       ORDER BY table_schema, table_name, table_type`,
      ctx,
    )
    return rows.map((row) => ({
      catalog: this.#source.name,
      schema: String(row['table_schema']),
      table: String(row['table_name']),
      type: String(row['table_type']),
    }))
  }

  async *tablesWithSchemas(filter: TableFilter, ctx: Context): AsyncGenerator<readonly TableEntry[], void, undefined> {
    yield* this.#readTables(tableConditions(filter, 'schema_name'), ctx)
  }

  async tableSchema({ schema, table }: TableEntry, ctx: Context): Promise<Uint8Array> {
    const conditions = `AND schema_name = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)}`
    for await (const [entry] of this.#readTables(conditions, ctx)) return entry!.schemaMessage!
    throw new GatewayError('UNKNOWN_OBJECT')
  }

  #readTables(conditions: string, ctx: Context): AsyncGenerator<readonly TableEntry[], void, undefined> {
    const { name, writes } = this.#source
    const schemas = new TableSchemas(name, writes, (types) => this.#fieldsOf(types, ctx))
    return schemas.read(this.#tables(columnsSql(quoteLiteral(name), conditions), ctx))
  }

  /**
   * Reads the Arrow fields of types by a statement that selects one NULL of each. If it fails, since one type cannot be sent,
   * each half is tried separately.
   */
  async #fieldsOf(types: readonly string[], ctx: Context): Promise<readonly (Field | undefined)[]> {
    const sql = `SELECT ${types.map((type, i) => `NULL::${type} AS c${i}`).join(', ')}`
    try {
      const { types } = ctx
      const session = { ...types, cache: false }
      const query = { source: this.#source.name, sql, session, purpose: 'read' } as const
      return decodeSchema((await this.#source.plan(query, ctx)).schema).children
    } catch {
      ctx.signal.throwIfAborted()
      if (types.length === 1) return [undefined]
      const middle = Math.ceil(types.length / 2)
      return [
        ...(await this.#fieldsOf(types.slice(0, middle), ctx)),
        ...(await this.#fieldsOf(types.slice(middle), ctx)),
      ]
    }
  }

  /** The list omits temporary tables: they are in their own catalog and visible only in their transaction. */
  async tableTypes(): Promise<readonly string[]> {
    return ['BASE TABLE', 'VIEW']
  }

  async primaryKeys({ schema, table }: TableReference, ctx: Context): Promise<readonly KeyColumn[]> {
    const rows = await this.#rows(
      `SELECT schema_name, table_name, constraint_name, unnest(constraint_column_names) AS column_name,
         generate_subscripts(constraint_column_names, 1) AS sequence
       FROM system.main.duckdb_constraints()
       WHERE ${this.#ownDatabase()} AND constraint_type = 'PRIMARY KEY' ${equals(schema, 'schema_name')} ${equals(table, 'table_name')}`,
      ctx,
    )
    return rows.map((row) => ({
      catalog: this.#source.name,
      schema: String(row['schema_name']),
      table: String(row['table_name']),
      column: String(row['column_name']),
      keyName: textOrNull(row['constraint_name']),
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
       FROM system.main.duckdb_constraints() f LEFT JOIN system.main.duckdb_constraints() p ON p.database_name = f.database_name
         AND p.schema_name = f.schema_name AND p.table_name = f.referenced_table
         AND p.constraint_column_names = f.referenced_column_names AND p.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
       WHERE f.${this.#ownDatabase()} AND f.constraint_type = 'FOREIGN KEY'
         ${equals(foreign?.schema, 'f.schema_name')} ${equals(foreign?.table, 'f.table_name')}
         ${equals(primary?.schema, 'f.schema_name')} ${equals(primary?.table, 'f.referenced_table')}
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
          keyName: textOrNull(row['primary_name']),
        },
        foreign: {
          ...schema,
          table: String(row['table_name']),
          column: String(row['column_name']),
          keyName: textOrNull(row['constraint_name']),
        },
        sequence: Number(row['sequence']),
      }
    })
  }

  /** The condition that selects the source's own database. */
  #ownDatabase(): string {
    return `database_name = ${quoteLiteral(this.#source.name)}`
  }

  async #rows(sql: string, ctx: Context): Promise<readonly Row[]> {
    const rows: Row[] = []
    let bytes = 0
    for await (const table of this.#tables(sql, ctx, (byteLength) => (bytes += byteLength))) {
      if (bytes > MAX_BYTES)
        throw new GatewayError('TOO_LARGE', 'The metadata is too large to be read at once: narrow it by a pattern.')
      rows.push(...(table.toArray() as Row[]))
    }
    return rows
  }

  /**
   * What users have created, in all schemas and databases. A table with generated columns counts as a view, too: DuckDB computes them
   * when they are read, and tells them apart from default values only in the table's text.
   */
  async definitions(ctx: Context): Promise<UserDefinitions> {
    const rows = await this.#rows(
      `SELECT view_name AS name, sql FROM system.main.duckdb_views() WHERE NOT internal
       UNION ALL SELECT DISTINCT function_name, NULL FROM system.main.duckdb_functions()
       WHERE NOT internal AND function_type IN ('macro', 'table_macro')
       UNION ALL SELECT table_name, 'AS SELECT ' || column_default FROM system.main.duckdb_columns()
       WHERE column_default IS NOT NULL AND table_oid IN (
         SELECT table_oid FROM system.main.duckdb_tables() WHERE NOT internal AND sql LIKE '%GENERATED ALWAYS AS%')`,
      ctx,
    )
    const views = new Map<string, string[]>()
    const functions = new Set<string>()
    for (const { name, sql } of rows)
      if (sql === null) functions.add(String(name).toUpperCase())
      else {
        const key = String(name).toLowerCase()
        views.set(key, [...(views.get(key) ?? []), String(sql)])
      }
    return { views, functions }
  }

  /** Streams the rows of a statement, one table for each batch. @param onBytes called with the size of each batch */
  async *#tables(sql: string, ctx: Context, onBytes?: (byteLength: number) => void): AsyncGenerator<Table> {
    const query = { source: this.#source.name, sql, session: {}, purpose: 'read' } as const
    const result = await this.#source.run({ kind: 'read', query }, ctx)
    const schema = { header: readFrame(result.schema).header, body: new Uint8Array(0) }
    for await (const frames of result.frames)
      for (const frame of frames) {
        const { header, body } = readFrame(frame)
        onBytes?.(frame.byteLength)
        const stream = joinStream([schema, { header, body }])
        frame.release?.()
        yield tableFromIPC(stream)
      }
  }
}

/** The SQL conditions of a filter. @param schemaColumn the name of the column that holds the schema's name */
function tableConditions({ schemaPattern, tablePattern, types }: TableFilter, schemaColumn: string): string {
  return [
    `AND ${schemaColumn} NOT IN ${INTERNAL_SCHEMAS}`,
    like(schemaColumn, schemaPattern),
    like('table_name', tablePattern),
    types.length > 0 ? `AND table_type IN (${types.map(quoteLiteral).join(', ')})` : '',
  ].join(' ')
}

/** A LIKE condition. An escape character at the end of the pattern, which escapes nothing, stands for itself. */
function like(column: string, pattern: string | undefined): string {
  if (pattern === undefined) return ''
  const endsInsideEscape = (/\\*$/.exec(pattern)![0].length & 1) === 1
  return `AND ${column} LIKE ${quoteLiteral(endsInsideEscape ? `${pattern}\\` : pattern)} ESCAPE '\\'`
}

function equals(value: string | undefined, column: string): string {
  return value === undefined ? '' : `AND ${column} = ${quoteLiteral(value)}`
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
