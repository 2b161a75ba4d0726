import { LRUCache } from 'lru-cache'
import { concurrently } from '../../../async/concurrently.ts'
import type {
  Catalog,
  ForeignKeyColumn,
  KeyColumn,
  SchemaEntry,
  TableEntry,
  TableFilter,
  TableReference,
} from '../../../query/catalog.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Context } from '../../../query/types.ts'
import { foreignKeyColumns, primaryKeyColumns } from './keys.ts'
import { LikePattern } from './like-pattern.ts'
import { type GetResource, ifThere, MetadataApi, tooMany } from './metadata-api.ts'
import { type TableResource, tableTypes } from './table-resource.ts'
import { tableSchemaMessage } from './table-schema.ts'
import { xdbcTypes } from './xdbc-types.ts'

/** What a `BigQueryCatalog` shows. */
export interface BigQueryCatalogSettings {
  /** Project in which statements run; its datasets need no project in their names. */
  readonly projectId: string
  /** Further projects to show. */
  readonly projects?: readonly string[] | undefined
  /** Dataset of names without one: `DATASET` or `PROJECT.DATASET`. */
  readonly defaultDataset?: string | undefined
  readonly writes: boolean
}

/** Datasets or tables that are asked for at the same time. */
const MAX_ASKED = 8
/** Most tables that one answer lists. */
const MAX_TABLES = 100_000
/** Most tables whose columns one answer lists: each takes a call of its own. */
const MAX_TABLES_WITH_SCHEMAS = 10_000
/** Tables of one page with schemas. */
const PAGE_TABLES = 50
/** Most tables of a dataset that are searched for keys which refer to a table. */
const MAX_SEARCHED_TABLES = 2000
/** How often the log tells of a dataset whose tables may not be listed, in milliseconds. */
const LOG_INTERVAL_MS = 3_600_000

/**
 * Projects, datasets and tables of BigQuery as catalogs, schemas and tables, by calls of its API that cost nothing.
 * Source: https://cloud.google.com/bigquery/pricing#free (loading, exporting and metadata operations).
 */
export class BigQueryCatalog implements Catalog {
  readonly current: { readonly catalog: string; readonly schema?: string }
  readonly #projectId: string
  readonly #projects: readonly string[]
  readonly #writes: boolean
  readonly #api: MetadataApi
  /** Datasets whose tables could not be listed, as the log was told. */
  readonly #unlistedDatasets = new LRUCache<string, true>({ max: 100, ttl: LOG_INTERVAL_MS })

  constructor(settings: BigQueryCatalogSettings, get: GetResource) {
    const { projectId, projects = [], defaultDataset, writes } = settings
    const dot = defaultDataset?.lastIndexOf('.') ?? -1
    const catalog = dot < 0 ? projectId : defaultDataset!.slice(0, dot)
    this.current = { catalog, ...(defaultDataset !== undefined && { schema: defaultDataset.slice(dot + 1) }) }
    this.#projectId = projectId
    this.#projects = [...new Set([projectId, catalog, ...projects])].sort()
    this.#writes = writes
    this.#api = new MetadataApi(get)
  }

  /** Makes the next calls ask BigQuery again, after a statement that changed the catalog. */
  forget(): void {
    this.#api.forget()
  }

  async catalogs(): Promise<readonly string[]> {
    return this.#projects
  }

  async hasSchema(schema: string, ctx: Context, catalog?: string): Promise<boolean> {
    return await this.#api.hasDataset(this.#projectOf(catalog), schema, ctx)
  }

  async schemas(schemaPattern: string | undefined, ctx: Context, catalog?: string): Promise<readonly SchemaEntry[]> {
    const pattern = schemaPattern === undefined ? undefined : new LikePattern(schemaPattern)
    const found: SchemaEntry[] = []
    for (const project of this.#projectsIn(catalog)) {
      const datasets = await this.#datasetsOf(project, ctx)
      const matching = datasets.filter((name) => pattern?.matches(name) ?? true)
      found.push(...matching.toSorted().map((schema) => ({ catalog: project, schema })))
    }
    return found
  }

  async tables(filter: TableFilter, ctx: Context): Promise<readonly TableEntry[]> {
    const pattern = filter.tablePattern === undefined ? undefined : new LikePattern(filter.tablePattern)
    const schemas = await this.#schemasOf(filter, ctx)
    const types = typesOf(filter)
    // Lists are joined in the order of their datasets, whichever comes first.
    const found = schemas.map((): readonly TableEntry[] => [])
    let count = 0
    await concurrently(schemas, MAX_ASKED, async (entry, i) => {
      const matching = await this.#tablesIn(entry, pattern, ctx)
      found[i] = types ? matching.filter(({ type }) => types.has(type)) : matching
      count += found[i].length
      if (count > MAX_TABLES) throw tooMany()
    })
    return found.flat()
  }

  async *tablesWithSchemas(filter: TableFilter, ctx: Context): AsyncGenerator<readonly TableEntry[], void, undefined> {
    const all = await this.tables(filter, ctx)
    if (all.length > MAX_TABLES_WITH_SCHEMAS)
      throw new GatewayError(
        'TOO_LARGE',
        `The columns of more than ${MAX_TABLES_WITH_SCHEMAS} tables cannot be listed at once: narrow them by a pattern of schemas or tables.`,
      )
    for (let from = 0; from < all.length; from += PAGE_TABLES) {
      const page = await this.#resourcesOf(all.slice(from, from + PAGE_TABLES), ctx)
      const entries: TableEntry[] = []
      for (const [entry, resource] of page) {
        const schemaMessage = await tableSchemaMessage(entry, resource.fields, this.#isReadOnly(entry))
        entries.push({ ...entry, schemaMessage })
      }
      yield entries
    }
  }

  async tableSchema(entry: TableEntry, ctx: Context): Promise<Uint8Array> {
    const resource = await this.#api.table(entry.catalog, entry.schema, entry.table, ctx)
    if (!resource) throw new GatewayError('UNKNOWN_OBJECT')
    return await tableSchemaMessage(entry, resource.fields, this.#isReadOnly(entry))
  }

  async tableTypes(): Promise<readonly string[]> {
    return tableTypes
  }

  async xdbcTypes(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return xdbcTypes
  }

  async primaryKeys(reference: TableReference, ctx: Context): Promise<readonly KeyColumn[]> {
    const found = await this.#named(reference, ctx)
    return found.flatMap(([entry, resource]) => primaryKeyColumns(entry, resource))
  }

  async foreignKeys(
    primary: TableReference | undefined,
    foreign: TableReference | undefined,
    ctx: Context,
  ): Promise<readonly ForeignKeyColumn[]> {
    if (foreign) {
      const keys = await this.#named(foreign, ctx)
      return keys.flatMap(([entry, resource]) =>
        foreignKeyColumns(entry, resource, (key) => !primary || refersTo(key, primary)),
      )
    }
    if (!primary) return []
    return await this.#keysTo(primary, ctx)
  }

  /** The keys that refer to a table. Its dataset has all of them: BigQuery allows no others. */
  async #keysTo(primary: TableReference, ctx: Context): Promise<readonly ForeignKeyColumn[]> {
    const owners = await this.#named(primary, ctx)
    const found: ForeignKeyColumn[] = []
    for (const [{ catalog, schema, table }] of owners) {
      const listed = await this.#tablesIn({ catalog, schema }, undefined, ctx)
      // Only tables have keys.
      const tables = listed.filter(({ type }) => type === 'TABLE')
      if (tables.length > MAX_SEARCHED_TABLES)
        throw new GatewayError(
          'TOO_LARGE',
          `The dataset ${schema} has more than ${MAX_SEARCHED_TABLES} tables, so that the keys which refer to a table cannot be searched: ask for the keys of the other table.`,
        )
      const wanted = { catalog, schema, table }
      for (const [entry, resource] of await this.#resourcesOf(tables, ctx))
        found.push(...foreignKeyColumns(entry, resource, (key) => refersTo(key, wanted)))
    }
    return found
  }

  /** Tables with their resources, without those that were dropped after they were listed. */
  async #resourcesOf(
    entries: readonly TableEntry[],
    ctx: Context,
  ): Promise<readonly (readonly [TableEntry, TableResource])[]> {
    const resources: (TableResource | undefined)[] = entries.map(() => undefined)
    await concurrently(entries, MAX_ASKED, async ({ catalog, schema, table }, i) => {
      resources[i] = await this.#api.table(catalog, schema, table, ctx)
    })
    return entries.flatMap((entry, i) => (resources[i] ? [[entry, resources[i]] as const] : []))
  }

  /** The tables that a reference names: one, or one of each dataset if it names no dataset. */
  async #named(reference: TableReference, ctx: Context): Promise<readonly (readonly [TableEntry, TableResource])[]> {
    const { catalog, schema, table } = reference
    const schemas =
      schema === undefined
        ? await this.schemas(undefined, ctx, catalog)
        : this.#projectsIn(catalog).map((project) => ({ catalog: project, schema }))
    return await this.#resourcesOf(
      schemas.map((entry) => ({ ...entry, table, type: 'TABLE' })),
      ctx,
    )
  }

  /** The datasets in which a filter may find tables. A literal name is not checked: it takes no list of datasets. */
  async #schemasOf({ catalog, schemaPattern }: TableFilter, ctx: Context): Promise<readonly SchemaEntry[]> {
    const literal = schemaPattern === undefined ? undefined : new LikePattern(schemaPattern).literal
    if (literal === undefined) return await this.schemas(schemaPattern, ctx, catalog)
    if (literal === '') return []
    return this.#projectsIn(catalog).map((project) => ({ catalog: project, schema: literal }))
  }

  async #tablesIn(entry: SchemaEntry, pattern: LikePattern | undefined, ctx: Context): Promise<readonly TableEntry[]> {
    const { catalog, schema } = entry
    if (pattern?.literal === '') return []
    if (pattern?.literal !== undefined) {
      const table = pattern.literal
      const resource = await this.#api.table(catalog, schema, table, ctx)
      return resource ? [{ catalog, schema, table, type: resource.type }] : []
    }
    const listed = (await ifThere(this.#api.tables(catalog, schema, ctx))) ?? this.#unlisted(entry, ctx)
    const matching = pattern ? listed.filter(({ name }) => pattern.matches(name)) : listed
    const entries = matching.map(({ name, type }) => ({ catalog, schema, table: name, type }))
    // Flight SQL promises the order of the names.
    return entries.sort((a, b) => (a.table < b.table ? -1 : 1))
  }

  /** A dataset whose tables may not be listed has none, which the log tells from time to time. */
  #unlisted({ catalog, schema }: SchemaEntry, ctx: Context): readonly [] {
    const dataset = `${catalog}.${schema}`
    if (this.#unlistedDatasets.has(dataset)) return []
    this.#unlistedDatasets.set(dataset, true)
    ctx.log.warn(
      { event: 'metadata', dataset },
      `metadata shows no tables of ${dataset}: it does not exist, or the source's login needs the role BigQuery Metadata Viewer there`,
    )
    return []
  }

  /** Datasets of a project. A further project that may not be seen has none. */
  async #datasetsOf(project: string, ctx: Context): Promise<readonly string[]> {
    const listed = this.#api.datasets(project, ctx)
    return project === this.#projectId ? await listed : ((await ifThere(listed)) ?? [])
  }

  #projectsIn(catalog: string | undefined): readonly string[] {
    return catalog === undefined ? this.#projects : this.#projects.filter((project) => project === catalog)
  }

  /** The project that a catalog of a session means: a session may also name the source itself. */
  #projectOf(catalog: string | undefined): string {
    return this.#projects.find((project) => project === catalog) ?? this.#projectId
  }

  #isReadOnly({ type }: TableEntry): boolean {
    return !this.#writes || type !== 'TABLE'
  }
}

function refersTo(
  key: { readonly project: string; readonly dataset: string; readonly table: string },
  { catalog, schema, table }: TableReference,
): boolean {
  return (
    key.table === table &&
    (schema === undefined || key.dataset === schema) &&
    (catalog === undefined || key.project === catalog)
  )
}

/** The wanted types; undefined for all. INFORMATION_SCHEMA calls a table BASE TABLE. */
function typesOf({ types }: TableFilter): ReadonlySet<string> | undefined {
  if (types.length === 0) return undefined
  return new Set(types.map((type) => (type === 'BASE TABLE' ? 'TABLE' : type)))
}
