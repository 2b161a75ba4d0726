import type { Schema } from 'apache-arrow'
import {
  CommandGetCrossReference,
  CommandGetDbSchemas,
  CommandGetExportedKeys,
  CommandGetImportedKeys,
  CommandGetPrimaryKeys,
  CommandGetSqlInfo,
  CommandGetTables,
  CommandGetXdbcTypeInfo,
  UpdateDeleteRules,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Catalog, ForeignKeyColumn, SchemaEntry, TableEntry, TableReference } from '../../../query/catalog.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Source } from '../../../query/source.ts'
import type { Context } from '../../../query/types.ts'
import { encodeRows, type MetadataRow } from './encode.ts'
import { engineCapabilities } from './engine-capabilities.ts'
import {
  catalogsSchema,
  dbSchemasSchema,
  foreignKeysSchema,
  primaryKeysSchema,
  sqlInfoSchema,
  tablesSchema,
  tablesWithSchemaSchema,
  tableTypesSchema,
  xdbcTypeInfoSchema,
} from './schemas.ts'
import { sqlInfoFrames } from './sql-info.ts'
import type { ServerInfo } from './sql-info-defaults.ts'
import { xdbcTypeRows } from './xdbc-types.ts'

/** A source, with its catalog as the caller may see it. */
export interface VisibleSource {
  readonly name: string
  readonly source: Source
  readonly catalog: Catalog
}

/** Input of a metadata command. */
export interface MetadataScope {
  /** The sources that the command covers; at least one, unless the caller sees none. */
  readonly sources: readonly VisibleSource[]
  readonly serverInfo: ServerInfo
  readonly ctx: Context
}

/** A metadata command of Flight SQL: the schema of its result, and the result. */
export interface MetadataCommand {
  schema(value: Uint8Array): Schema
  frames(value: Uint8Array, scope: MetadataScope): AsyncIterable<Frame>
}

/**
 * The metadata commands by name. The front builds the results for every source, so schemas and nullability match the
 * specification exactly.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html#sql-metadata.
 */
export const metadataCommands: Readonly<Record<string, MetadataCommand>> = {
  CommandGetCatalogs: rowsCommand(catalogsSchema, async (_value, scope) => {
    const names = await collect(undefined, scope, (catalog) => catalog.catalogs(scope.ctx))
    return [...new Set(names)].sort().map((name) => ({ catalog_name: name }))
  }),
  CommandGetDbSchemas: rowsCommand(dbSchemasSchema, async (value, scope) => {
    const { catalog, dbSchemaFilterPattern } = decodeMessage(CommandGetDbSchemas, value)
    const entries = await collect(catalog, scope, (each) => each.schemas(dbSchemaFilterPattern, scope.ctx, catalog))
    return inCatalog(entries, catalog).map((entry) => ({ catalog_name: entry.catalog, db_schema_name: entry.schema }))
  }),
  CommandGetTables: {
    schema: (value) => (decodeMessage(CommandGetTables, value).includeSchema ? tablesWithSchemaSchema : tablesSchema),
    async *frames(value, scope) {
      const command = decodeMessage(CommandGetTables, value)
      const filter = {
        types: typesOf(command.tableTypes),
        withSchemas: command.includeSchema,
        ...(command.catalog !== undefined && { catalog: command.catalog }),
        ...(command.dbSchemaFilterPattern !== undefined && { schemaPattern: command.dbSchemaFilterPattern }),
        ...(command.tableNameFilterPattern !== undefined && { tablePattern: command.tableNameFilterPattern }),
      }
      const schema = command.includeSchema ? tablesWithSchemaSchema : tablesSchema
      const streams = ({ catalog }: VisibleSource) => command.includeSchema && catalog.tablesWithSchemas !== undefined
      const others = scope.sources.filter((source) => !streams(source))
      const rows = await collect(
        command.catalog,
        { ...scope, sources: others },
        async (catalog) => {
          const tables = await catalog.tables(filter, scope.ctx)
          const out: MetadataRow[] = []
          for (const entry of inCatalog(tables, command.catalog)) {
            if (!command.includeSchema) out.push(tableRow(entry))
            else {
              const message = entry.schemaMessage ?? (await schemaIfThere(catalog, entry, scope.ctx))
              if (message) out.push(tableRow({ ...entry, schemaMessage: message }))
            }
          }
          return out
        },
        others.length < scope.sources.length,
      )
      yield* encodeRows(schema, rows)
      for (const source of scope.sources.filter(streams)) {
        try {
          if (command.catalog !== undefined && !(await source.catalog.catalogs(scope.ctx)).includes(command.catalog))
            continue
          for await (const entries of source.catalog.tablesWithSchemas!(filter, scope.ctx))
            yield* encodeRows(schema, inCatalog(entries, command.catalog).map(tableRow)).slice(1)
        } catch (error) {
          scope.ctx.signal.throwIfAborted()
          if (scope.sources.length === 1 || !isOmitted(error)) throw error
          logOmitted(source, error, scope.ctx)
        }
      }
    },
  },
  CommandGetTableTypes: rowsCommand(tableTypesSchema, async (_value, scope) => {
    const types = await collect(undefined, scope, (catalog) => catalog.tableTypes(scope.ctx))
    return [...new Set(types)].sort().map((type) => ({ table_type: type }))
  }),
  CommandGetPrimaryKeys: rowsCommand(primaryKeysSchema, async (value, scope) => {
    const { catalog, dbSchema, table } = decodeMessage(CommandGetPrimaryKeys, value)
    const keys = await collect(catalog, scope, (each) =>
      each.primaryKeys(reference(catalog, dbSchema, table), scope.ctx),
    )
    return inCatalog(keys, catalog).map((key) => ({
      catalog_name: key.catalog,
      db_schema_name: key.schema,
      table_name: key.table,
      column_name: key.column,
      key_name: key.keyName,
      key_sequence: key.sequence,
    }))
  }),
  CommandGetExportedKeys: foreignKeys((value) => {
    const { catalog, dbSchema, table } = decodeMessage(CommandGetExportedKeys, value)
    return { catalog, primary: reference(catalog, dbSchema, table), foreign: undefined }
  }),
  CommandGetImportedKeys: foreignKeys((value) => {
    const { catalog, dbSchema, table } = decodeMessage(CommandGetImportedKeys, value)
    return { catalog, primary: undefined, foreign: reference(catalog, dbSchema, table) }
  }),
  CommandGetCrossReference: foreignKeys((value) => {
    const command = decodeMessage(CommandGetCrossReference, value)
    return {
      catalog: command.pkCatalog ?? command.fkCatalog,
      primary: reference(command.pkCatalog, command.pkDbSchema, command.pkTable),
      foreign: reference(command.fkCatalog, command.fkDbSchema, command.fkTable),
    }
  }),
  CommandGetXdbcTypeInfo: rowsCommand(xdbcTypeInfoSchema, async (value, { sources, ctx }) => {
    const { dataType } = decodeMessage(CommandGetXdbcTypeInfo, value)
    const own = await sources[0]!.catalog.xdbcTypes?.(ctx)
    if (!own?.length) return xdbcTypeRows(dataType)
    return own.filter((row) => dataType === undefined || row['data_type'] === dataType)
  }),
  CommandGetSqlInfo: {
    schema: () => sqlInfoSchema,
    async *frames(value, { sources, serverInfo, ctx }) {
      const engine = await engineCapabilities(sources[0]!.source, ctx)
      yield* sqlInfoFrames({ ...serverInfo, ...engine }, decodeMessage(CommandGetSqlInfo, value).info)
    },
  },
}

function rowsCommand(
  schema: Schema,
  rows: (value: Uint8Array, scope: MetadataScope) => Promise<readonly MetadataRow[]>,
): MetadataCommand {
  return {
    schema: () => schema,
    async *frames(value, scope) {
      yield* encodeRows(schema, await rows(value, scope))
    },
  }
}

/** JDBC and its tools request the type TABLE; engines call it BASE TABLE. */
function typesOf(types: readonly string[]): readonly string[] {
  return types.includes('TABLE') && !types.includes('BASE TABLE') ? [...types, 'BASE TABLE'] : types
}

function tableRow({ catalog, schema, table, type, schemaMessage }: TableEntry): MetadataRow {
  return {
    catalog_name: catalog,
    db_schema_name: schema,
    table_name: table,
    table_type: type,
    ...(schemaMessage && { table_schema: encapsulate(schemaMessage) }),
  }
}

/** Returns the schema of a table; undefined if the table was dropped after it was listed. */
async function schemaIfThere(catalog: Catalog, entry: TableEntry, ctx: Context): Promise<Uint8Array | undefined> {
  try {
    return await catalog.tableSchema(entry, ctx)
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'UNKNOWN_OBJECT') return undefined
    throw error
  }
}

interface ForeignKeyQuestion {
  readonly catalog: string | undefined
  readonly primary: TableReference | undefined
  readonly foreign: TableReference | undefined
}

function foreignKeys(read: (value: Uint8Array) => ForeignKeyQuestion): MetadataCommand {
  return rowsCommand(foreignKeysSchema, async (value, scope) => {
    const { catalog, primary, foreign } = read(value)
    const keys = await collect(catalog, scope, (each) => each.foreignKeys(primary, foreign, scope.ctx))
    return keys.map(foreignKeyRow)
  })
}

function foreignKeyRow({ primary, foreign, sequence }: ForeignKeyColumn): MetadataRow {
  return {
    pk_catalog_name: primary.catalog,
    pk_db_schema_name: primary.schema,
    pk_table_name: primary.table,
    pk_column_name: primary.column,
    fk_catalog_name: foreign.catalog,
    fk_db_schema_name: foreign.schema,
    fk_table_name: foreign.table,
    fk_column_name: foreign.column,
    key_sequence: sequence,
    fk_key_name: foreign.keyName,
    pk_key_name: primary.keyName,
    update_rule: UpdateDeleteRules.NO_ACTION,
    delete_rule: UpdateDeleteRules.NO_ACTION,
  }
}

function reference(catalog: string | undefined, schema: string | undefined, table: string): TableReference {
  return { table, ...(schema !== undefined && { schema }), ...(catalog !== undefined && { catalog }) }
}

/** Selects the entries in the requested catalog: a source may have several catalogs. */
function inCatalog<T extends SchemaEntry>(entries: readonly T[], catalog: string | undefined): readonly T[] {
  return catalog === undefined ? entries : entries.filter((entry) => entry.catalog === catalog)
}

/**
 * Asks all sources in scope, or only those with the requested catalog; an empty name means "without a catalog". If some sources
 * are down, returns the answers of the others.
 * @param areOthersAsked whether the caller asks further sources, so that even an outage of all of these is no error
 */
async function collect<T>(
  catalogName: string | undefined,
  { sources, ctx }: MetadataScope,
  ask: (catalog: Catalog) => Promise<readonly T[]>,
  areOthersAsked = false,
): Promise<T[]> {
  const answers = await Promise.allSettled(
    sources.map(async ({ catalog }) => {
      if (catalogName !== undefined && !(await catalog.catalogs(ctx)).includes(catalogName)) return []
      return await ask(catalog)
    }),
  )
  ctx.signal.throwIfAborted()
  const out: T[] = []
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') out.push(...answer.value)
    else if ((!areOthersAsked && answers.every(({ status }) => status === 'rejected')) || !isOmitted(answer.reason))
      throw answer.reason
    else logOmitted(sources[i]!, answer.reason, ctx)
  }
  return out
}

/** Whether an answer about several sources leaves out a source that answers so: it is down, or has nothing for the caller. */
function isOmitted(error: unknown): boolean {
  const { code, row } = GatewayError.from(error)
  return row.outage || code === 'FORBIDDEN'
}

function logOmitted({ name }: VisibleSource, err: unknown, { requestId, log }: Context): void {
  log.warn({ event: 'metadata', requestId, source: name, err }, 'the metadata omits a source that does not answer')
}
