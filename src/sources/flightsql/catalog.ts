import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  CommandGetCatalogs,
  CommandGetCrossReference,
  CommandGetDbSchemas,
  CommandGetExportedKeys,
  CommandGetImportedKeys,
  CommandGetPrimaryKeys,
  CommandGetTables,
  CommandGetTableTypes,
  CommandGetXdbcTypeInfo,
} from '../../../gen/arrow/flight/protocol/FlightSql.ts'
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
import type { Context } from '../../query/types.ts'
import type { CallBounds, Connection } from './protocol/connection.ts'
import { bareSchema, type UpstreamFlight } from './protocol/flight-sql-client.ts'
import type { Profile } from './protocol/profiles/profile.ts'
import { readTable, rowValues } from './results/read-table.ts'

/** Does work on a leased connection of the source. @throws GatewayError */
export type WithConnection = <T>(
  /** Schema of the session that the connection must have. */
  schema: string | undefined,
  ctx: Context,
  work: (flight: UpstreamFlight, connection: Connection, bounds: CallBounds) => Promise<T>,
) => Promise<T>

/** Error codes by which an upstream rejects the schema of a session. */
const refusals: ReadonlySet<string> = new Set([
  'BAD_SQL',
  'UNKNOWN_OBJECT',
  'UPSTREAM_UNIMPLEMENTED',
  'UPSTREAM_FORBIDDEN',
])

/** How long it is cached whether the server itself has a catalog or schema with the source's name, in milliseconds. */
const OWN_TTL_MS = 60_000

/** The reader of rows yields to the event loop after this time, in milliseconds. */
const TURN_MS = 10

type Row = Readonly<Record<string, unknown>>

/** Tables, keys and types of an upstream. If it has no catalogs, the source's name is the only catalog. */
export class UpstreamCatalog implements Catalog {
  readonly current?: { readonly catalog: string }
  readonly hasPaths: boolean
  readonly #source: string
  readonly #profile: Profile
  readonly #withConnection: WithConnection
  #own: { readonly has: boolean; readonly until: number } | undefined

  constructor(source: string, profile: Profile, withConnection: WithConnection) {
    this.#source = source
    this.#profile = profile
    this.#withConnection = withConnection
    this.hasPaths = !profile.hasCatalogs
    if (this.hasPaths) this.current = { catalog: source }
  }

  /** Whether the upstream lists the schema and accepts it for a session. */
  async hasSchema(schema: string, ctx: Context): Promise<boolean> {
    const listed = await this.schemas(escaped(schema), ctx)
    if (!listed.some((entry) => entry.schema === schema)) return false
    try {
      return await this.#withConnection(schema, ctx, async () => true)
    } catch (error) {
      if (error instanceof GatewayError && refusals.has(error.code)) return false
      throw error
    }
  }

  async catalogs(ctx: Context): Promise<readonly string[]> {
    if (!this.#profile.hasCatalogs) return [this.#source]
    const rows = await this.#rows('CommandGetCatalogs', CommandGetCatalogs.encode({}).finish(), ctx)
    const names = rows.map((row) => text(row['catalog_name'])).filter((name) => name !== '')
    return names.length > 0 ? names : [this.#source]
  }

  /**
   * Whether the server itself has a catalog of this name, or a schema whose first part is this name. The answer is cached for a
   * minute. While the server is out, the last answer counts, or yes without one.
   */
  async hasOwn(name: string, ctx: Context): Promise<boolean> {
    const known = this.#own
    if (known && known.until > Date.now()) return known.has
    try {
      const has = await this.#queryForOwn(name.toLowerCase(), ctx)
      this.#own = { has, until: Date.now() + OWN_TTL_MS }
      return has
    } catch (error) {
      if (GatewayError.from(error).row.outage) return known?.has ?? true
      throw error
    }
  }

  async #queryForOwn(name: string, ctx: Context): Promise<boolean> {
    if (this.#profile.hasCatalogs) {
      const rows = await this.#rows('CommandGetCatalogs', CommandGetCatalogs.encode({}).finish(), ctx)
      if (rows.some((row) => text(row['catalog_name']).toLowerCase() === name)) return true
    }
    const schemas = (await this.schemas(undefined, ctx)).map(({ schema }) => schema.toLowerCase())
    return schemas.some((schema) => schema === name || schema.startsWith(`${name}.`))
  }

  async schemas(schemaPattern: string | undefined, ctx: Context): Promise<readonly SchemaEntry[]> {
    const command = CommandGetDbSchemas.encode({ catalog: undefined, dbSchemaFilterPattern: schemaPattern }).finish()
    const rows = await this.#rows('CommandGetDbSchemas', command, ctx)
    return rows.map((row) => this.#schemaEntry(row['catalog_name'], row['db_schema_name']))
  }

  async tables({ schemaPattern, tablePattern, types, withSchemas }: TableFilter, ctx: Context): Promise<TableEntry[]> {
    const command = CommandGetTables.encode({
      catalog: undefined,
      dbSchemaFilterPattern: schemaPattern,
      tableNameFilterPattern: tablePattern,
      tableTypes: [...types],
      includeSchema: withSchemas ?? false,
    }).finish()
    return await this.#rows('CommandGetTables', command, ctx, (row) => {
      const schema = row['table_schema']
      return {
        ...this.#schemaEntry(row['catalog_name'], row['db_schema_name']),
        table: text(row['table_name']),
        type: text(row['table_type']),
        ...(schema instanceof Uint8Array && { schemaMessage: bareSchema(schema) }),
      }
    })
  }

  async tableSchema({ schema, table }: TableEntry, ctx: Context): Promise<Uint8Array> {
    const filter = { types: [], tablePattern: escaped(table), withSchemas: true }
    const found = await this.tables(schema === '' ? filter : { ...filter, schemaPattern: escaped(schema) }, ctx)
    const message = found.find((entry) => entry.table === table && entry.schema === schema)?.schemaMessage
    if (!message) throw new GatewayError('UNKNOWN_OBJECT', `The source ${this.#source} has no table "${table}".`)
    return message
  }

  async tableTypes(ctx: Context): Promise<readonly string[]> {
    const rows = await this.#rowsIfOffered('CommandGetTableTypes', CommandGetTableTypes.encode({}).finish(), ctx)
    if (rows) return rows.map((row) => text(row['table_type']))
    return [...new Set((await this.tables({ types: [] }, ctx)).map(({ type }) => type))]
  }

  async xdbcTypes(ctx: Context): Promise<readonly Row[]> {
    const command = CommandGetXdbcTypeInfo.encode({ dataType: undefined }).finish()
    return (await this.#rowsIfOffered('CommandGetXdbcTypeInfo', command, ctx)) ?? []
  }

  async primaryKeys({ schema, table }: TableReference, ctx: Context): Promise<readonly KeyColumn[]> {
    if (!this.#profile.hasKeys) return []
    const command = CommandGetPrimaryKeys.encode({ catalog: undefined, dbSchema: schema, table }).finish()
    const rows = await this.#rowsIfOffered('CommandGetPrimaryKeys', command, ctx)
    return (rows ?? []).map((row) => ({
      ...this.#schemaEntry(row['catalog_name'], row['db_schema_name']),
      table: text(row['table_name']),
      column: text(row['column_name']),
      keyName: textOrNull(row['key_name']),
      sequence: Number(row['key_sequence']),
    }))
  }

  async foreignKeys(
    primary: TableReference | undefined,
    foreign: TableReference | undefined,
    ctx: Context,
  ): Promise<readonly ForeignKeyColumn[]> {
    if (!this.#profile.hasKeys) return []
    const rows = (await this.#rowsIfOffered(...foreignKeysCommand(primary, foreign), ctx)) ?? []
    const side = (row: Row, prefix: 'pk' | 'fk') => ({
      ...this.#schemaEntry(row[`${prefix}_catalog_name`], row[`${prefix}_db_schema_name`]),
      table: text(row[`${prefix}_table_name`]),
      column: text(row[`${prefix}_column_name`]),
      keyName: textOrNull(row[`${prefix}_key_name`]),
    })
    return rows.map((row) => ({
      primary: side(row, 'pk'),
      foreign: side(row, 'fk'),
      sequence: Number(row['key_sequence']),
    }))
  }

  #schemaEntry(catalog: unknown, schema: unknown): SchemaEntry {
    return { catalog: text(catalog) || this.#source, schema: text(schema) }
  }

  /** The rows of a command; undefined if the server does not implement it. */
  async #rowsIfOffered(name: string, value: Uint8Array, ctx: Context): Promise<Row[] | undefined> {
    try {
      return await this.#rows(name, value, ctx)
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'UPSTREAM_UNIMPLEMENTED') return undefined
      throw error
    }
  }

  async #rows(name: string, value: Uint8Array, ctx: Context): Promise<Row[]>
  async #rows<T>(name: string, value: Uint8Array, ctx: Context, read: (row: Row) => T): Promise<T[]>
  async #rows(name: string, value: Uint8Array, ctx: Context, read = (row: Row): unknown => row): Promise<unknown[]> {
    return await this.#withConnection(undefined, ctx, async (flight, connection, bounds) => {
      const { endpoints } = await flight.info(name, value)
      const out: unknown[] = []
      let turnAt = performance.now() + TURN_MS
      for (const { ticket } of endpoints) {
        const messages = await connection.collect('DoGet', [ticket], bounds)
        for (const row of await readTable(messages, (table) => table.toArray())) {
          out.push(read(rowValues(row)))
          if (performance.now() < turnAt) continue
          await nextTurn()
          turnAt = performance.now() + TURN_MS
        }
      }
      return out
    })
  }
}

function foreignKeysCommand(
  primary: TableReference | undefined,
  foreign: TableReference | undefined,
): [name: string, value: Uint8Array] {
  if (primary && foreign)
    return [
      'CommandGetCrossReference',
      CommandGetCrossReference.encode({
        pkCatalog: undefined,
        pkDbSchema: primary.schema,
        pkTable: primary.table,
        fkCatalog: undefined,
        fkDbSchema: foreign.schema,
        fkTable: foreign.table,
      }).finish(),
    ]
  const { schema: dbSchema, table } = (primary ?? foreign)!
  const question = { catalog: undefined, dbSchema, table }
  return primary
    ? ['CommandGetExportedKeys', CommandGetExportedKeys.encode(question).finish()]
    : ['CommandGetImportedKeys', CommandGetImportedKeys.encode(question).finish()]
}

/** A pattern that matches only this name. */
function escaped(name: string): string {
  return name.replace(/[\\%_]/g, (character) => `\\${character}`)
}

function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value)
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
