import type { Context } from './types.ts'

/** A schema as queries name it. */
export interface SchemaEntry {
  readonly catalog: string
  readonly schema: string
}

/** A table or view as queries name it. */
export interface TableEntry extends SchemaEntry {
  readonly table: string
  /** Such as `BASE TABLE` and `VIEW`. */
  readonly type: string
  /** Its schema as `Catalog.tableSchema` tells it, where it was asked for and came along. */
  readonly schemaMessage?: Uint8Array
}

/** Which tables are wanted; patterns are those of LIKE, with `\` as escape. */
export interface TableFilter {
  readonly schemaPattern?: string
  readonly tablePattern?: string
  /** Empty for all. */
  readonly types: readonly string[]
  /** Whether the tables' schemas will be asked for, so that a source may give them at once. */
  readonly withSchemas?: boolean
}

/** Names a table; what is left out matches any. */
export interface TableReference {
  readonly schema?: string
  readonly table: string
}

/** One column of a primary key. */
export interface KeyColumn extends SchemaEntry {
  readonly table: string
  readonly column: string
  readonly keyName: string | null
  /** Counts from 1. */
  readonly sequence: number
}

/** One pair of columns of a foreign key. */
export interface ForeignKeyColumn {
  readonly primary: SchemaEntry & { readonly table: string; readonly column: string; readonly keyName: string | null }
  readonly foreign: SchemaEntry & { readonly table: string; readonly column: string; readonly keyName: string | null }
  readonly sequence: number
}

/** What can be known of the tables of a source. Names are as they can be typed back. */
export interface Catalog {
  /** What names without a catalog or a schema mean when the session chooses none; absent where nothing is meant. */
  readonly current?: { readonly catalog: string; readonly schema?: string }
  /** Whether the engine's names are paths of any number of parts, without a catalog at their beginning. */
  readonly hasPaths?: boolean
  /** Whether a session may choose this schema; absent where sessions cannot choose any. */
  hasSchema?(schema: string, ctx: Context): Promise<boolean>
  /** The catalogs of the source. */
  catalogs(ctx: Context): Promise<readonly string[]>
  schemas(schemaPattern: string | undefined, ctx: Context): Promise<readonly SchemaEntry[]>
  tables(filter: TableFilter, ctx: Context): Promise<readonly TableEntry[]>
  /**
   * The tables with their schemas, some at a time, all of one moment; absent where `tables` gives them at once or each is asked
   * for by `tableSchema`.
   */
  tablesWithSchemas?(filter: TableFilter, ctx: Context): AsyncIterable<readonly TableEntry[]>
  /** Schema of a table as a bare flatbuffer `Message`, with the column metadata of Flight SQL. */
  tableSchema(table: TableEntry, ctx: Context): Promise<Uint8Array>
  tableTypes(ctx: Context): Promise<readonly string[]>
  /** Rows of CommandGetXdbcTypeInfo by column name; absent, or none, where the engine's types are DuckDB's. */
  xdbcTypes?(ctx: Context): Promise<readonly Readonly<Record<string, unknown>>[]>
  primaryKeys(table: TableReference, ctx: Context): Promise<readonly KeyColumn[]>
  /** Keys that refer to `primary` from `foreign`, either of which may be left open. */
  foreignKeys(
    primary: TableReference | undefined,
    foreign: TableReference | undefined,
    ctx: Context,
  ): Promise<readonly ForeignKeyColumn[]>
}
