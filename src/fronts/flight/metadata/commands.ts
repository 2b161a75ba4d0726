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
import type { Frame } from '../../../arrow/frame.ts'
import { encapsulate } from '../../../arrow/ipc.ts'
import type { Catalog, ForeignKeyColumn, SchemaEntry, TableReference } from '../../../query/catalog.ts'
import type { Context } from '../../../query/types.ts'
import { decodeMessage } from '../../grpc/decode.ts'
import { encodeRows, type MetadataRow } from './encode.ts'
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
import { type ServerFacts, sqlInfoFrames } from './sql-info.ts'
import { xdbcTypeRows } from './xdbc-types.ts'

/** What a metadata command is answered from. */
export interface MetadataScope {
  /** Catalogs of the sources that the call sees. */
  readonly catalogs: readonly Catalog[]
  readonly facts: ServerFacts
  readonly ctx: Context
}

/** A metadata command of Flight SQL: the schema of its result, and the result. */
export interface MetadataCommand {
  schema(value: Uint8Array): Schema
  frames(value: Uint8Array, scope: MetadataScope): Promise<readonly Frame[]>
}

/**
 * The metadata commands by name. Results are made here, whatever the source, so that schemas and nullability are exactly
 * those of the specification.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html#sql-metadata.
 */
export const metadataCommands: Readonly<Record<string, MetadataCommand>> = {
  CommandGetCatalogs: rowsCommand(catalogsSchema, async (_value, scope) => {
    const names = await collect(undefined, scope, (catalog) => catalog.catalogs(scope.ctx))
    return [...new Set(names)].sort().map((name) => ({ catalog_name: name }))
  }),
  CommandGetDbSchemas: rowsCommand(dbSchemasSchema, async (value, scope) => {
    const { catalog, dbSchemaFilterPattern } = decodeMessage(CommandGetDbSchemas, value)
    const entries = await collect(catalog, scope, (each) => each.schemas(dbSchemaFilterPattern, scope.ctx))
    return inCatalog(entries, catalog).map((entry) => ({ catalog_name: entry.catalog, db_schema_name: entry.schema }))
  }),
  CommandGetTables: {
    schema: (value) => (decodeMessage(CommandGetTables, value).includeSchema ? tablesWithSchemaSchema : tablesSchema),
    async frames(value, scope) {
      const command = decodeMessage(CommandGetTables, value)
      const filter = {
        types: command.tableTypes,
        withSchemas: command.includeSchema,
        ...(command.dbSchemaFilterPattern !== undefined && { schemaPattern: command.dbSchemaFilterPattern }),
        ...(command.tableNameFilterPattern !== undefined && { tablePattern: command.tableNameFilterPattern }),
      }
      const rows = await collect(command.catalog, scope, async (catalog) => {
        const tables = await catalog.tables(filter, scope.ctx)
        const out: MetadataRow[] = []
        for (const entry of inCatalog(tables, command.catalog))
          out.push({
            catalog_name: entry.catalog,
            db_schema_name: entry.schema,
            table_name: entry.table,
            table_type: entry.type,
            ...(command.includeSchema && {
              table_schema: encapsulate(entry.schemaMessage ?? (await catalog.tableSchema(entry, scope.ctx))),
            }),
          })
        return out
      })
      return encodeRows(command.includeSchema ? tablesWithSchemaSchema : tablesSchema, rows)
    },
  },
  CommandGetTableTypes: rowsCommand(tableTypesSchema, async (_value, scope) => {
    const types = await collect(undefined, scope, (catalog) => catalog.tableTypes(scope.ctx))
    return [...new Set(types)].sort().map((type) => ({ table_type: type }))
  }),
  CommandGetPrimaryKeys: rowsCommand(primaryKeysSchema, async (value, scope) => {
    const { catalog, dbSchema, table } = decodeMessage(CommandGetPrimaryKeys, value)
    const keys = await collect(catalog, scope, (each) => each.primaryKeys(reference(dbSchema, table), scope.ctx))
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
    return { catalog, primary: reference(dbSchema, table), foreign: undefined }
  }),
  CommandGetImportedKeys: foreignKeys((value) => {
    const { catalog, dbSchema, table } = decodeMessage(CommandGetImportedKeys, value)
    return { catalog, primary: undefined, foreign: reference(dbSchema, table) }
  }),
  CommandGetCrossReference: foreignKeys((value) => {
    const command = decodeMessage(CommandGetCrossReference, value)
    return {
      catalog: command.pkCatalog ?? command.fkCatalog,
      primary: reference(command.pkDbSchema, command.pkTable),
      foreign: reference(command.fkDbSchema, command.fkTable),
    }
  }),
  CommandGetXdbcTypeInfo: rowsCommand(xdbcTypeInfoSchema, async (value) =>
    xdbcTypeRows(decodeMessage(CommandGetXdbcTypeInfo, value).dataType),
  ),
  CommandGetSqlInfo: {
    schema: () => sqlInfoSchema,
    frames: async (value, { facts }) => sqlInfoFrames(facts, decodeMessage(CommandGetSqlInfo, value).info),
  },
}

function rowsCommand(
  schema: Schema,
  rows: (value: Uint8Array, scope: MetadataScope) => Promise<readonly MetadataRow[]>,
): MetadataCommand {
  return { schema: () => schema, frames: async (value, scope) => encodeRows(schema, await rows(value, scope)) }
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

function reference(schema: string | undefined, table: string): TableReference {
  return schema === undefined ? { table } : { schema, table }
}

/** What is in the catalog that was asked for: a source may have several. */
function inCatalog<T extends SchemaEntry>(entries: readonly T[], catalog: string | undefined): readonly T[] {
  return catalog === undefined ? entries : entries.filter((entry) => entry.catalog === catalog)
}

/** Asks every source in view, or those that have the catalog that is asked for; an empty name means "without a catalog". */
async function collect<T>(
  catalogName: string | undefined,
  { catalogs, ctx }: MetadataScope,
  ask: (catalog: Catalog) => Promise<readonly T[]>,
): Promise<T[]> {
  const out: T[] = []
  for (const catalog of catalogs) {
    if (catalogName !== undefined && !(await catalog.catalogs(ctx)).includes(catalogName)) continue
    out.push(...(await ask(catalog)))
  }
  return out
}
