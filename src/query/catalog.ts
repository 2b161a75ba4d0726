import type { Context } from './types.ts'

/** A schema, by the names that queries use. */
export interface SchemaEntry {
  readonly catalog: string
  readonly schema: string
}

/** A table or view, by the names that queries use. */
export interface TableEntry extends SchemaEntry {
  readonly table: string
  /** For example `BASE TABLE` or `VIEW`. */
  readonly type: string
  /** The schema as `Catalog.tableSchema` returns it, if the filter asked for it and the source includes it. */
  readonly schemaMessage?: Uint8Array
}

/** Selects tables. Patterns are LIKE patterns with `\` as escape. */
export interface TableFilter {
  /** The only catalog that the caller needs; a source with one catalog may ignore it, since callers filter as well. */
  readonly catalog?: string
  readonly schemaPattern?: string
  readonly tablePattern?: string
  /** Empty for all. */
  readonly types: readonly string[]
  /** Whether the caller also needs the tables' schemas, so that a source can include them. */
  readonly withSchemas?: boolean
}

/** Names a table. An absent schema matches any schema. */
export interface TableReference {
  /** As `TableFilter.catalog`. */
  readonly catalog?: string
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

/** Describes the tables of a source. Names are spelled so that a query can use them. */
export interface Catalog {
  /** Default catalog and schema of unqualified names, unless the session selects others; absent where the engine has none. */
  readonly current?: { readonly catalog: string; readonly schema?: string }
  /** Whether the engine's names are paths with any number of parts and no leading catalog. */
  readonly hasPaths?: boolean
  /**
   * Whether a session may select this schema; absent where sessions cannot select a schema.
   * @param catalog the catalog of the schema, by default that of `current`
   */
  hasSchema?(schema: string, ctx: Context, catalog?: string): Promise<boolean>
  /**
   * Whether the engine has a catalog, or a schema whose first part is this: the source's name, which clients write before a path.
   * Absent where the source never takes its name off.
   */
  hasOwn?(name: string, ctx: Context): Promise<boolean>
  /** Lists the catalogs of the source. */
  catalogs(ctx: Context): Promise<readonly string[]>
  /** @param catalog as `TableFilter.catalog` */
  schemas(schemaPattern: string | undefined, ctx: Context, catalog?: string): Promise<readonly SchemaEntry[]>
  tables(filter: TableFilter, ctx: Context): Promise<readonly TableEntry[]>
  /**
   * Streams the tables with their schemas in batches, from one snapshot. Absent where `tables` includes the schemas, or callers
   * get each schema from `tableSchema`.
   */
  tablesWithSchemas?(filter: TableFilter, ctx: Context): AsyncIterable<readonly TableEntry[]>
  /** Schema of a table as a bare flatbuffer `Message`, with the column metadata of Flight SQL. */
  tableSchema(table: TableEntry, ctx: Context): Promise<Uint8Array>
  tableTypes(ctx: Context): Promise<readonly string[]>
  /** Rows of CommandGetXdbcTypeInfo by column name; absent or empty where the engine's types are those of DuckDB. */
  xdbcTypes?(ctx: Context): Promise<readonly Readonly<Record<string, unknown>>[]>
  primaryKeys(table: TableReference, ctx: Context): Promise<readonly KeyColumn[]>
  /** Lists the keys that refer to `primary` from `foreign`; an undefined side matches any table. */
  foreignKeys(
    primary: TableReference | undefined,
    foreign: TableReference | undefined,
    ctx: Context,
  ): Promise<readonly ForeignKeyColumn[]>
}
