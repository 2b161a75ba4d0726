import type { Catalog, SchemaEntry, TableEntry, TableFilter } from '../catalog.ts'
import type { Source } from '../source.ts'
import type { Context, Principal } from '../types.ts'
import { allows } from './allows.ts'
import type { Grant } from './grant.ts'
import { grantsOf } from './roles.ts'

/** The catalog of a source as a principal may see it: only what it may read. */
export function readableCatalog(source: Source, principal: Principal): Catalog {
  const { name, catalog } = source
  return allows(principal, 'read', { source: name }) ? catalog : new ReadableCatalog(source, principal)
}

/** Shows the part of a catalog that some grants allow to read. */
class ReadableCatalog implements Catalog {
  readonly #all: Catalog
  readonly #source: string
  readonly #principal: Principal
  /** Grants to read a part of the source. */
  readonly #grants: readonly Grant[]
  declare readonly current?: NonNullable<Catalog['current']>
  declare readonly hasPaths?: boolean
  declare readonly tablesWithSchemas?: NonNullable<Catalog['tablesWithSchemas']>
  declare readonly xdbcTypes?: NonNullable<Catalog['xdbcTypes']>

  constructor({ name, catalog }: Source, principal: Principal) {
    this.#all = catalog
    this.#source = name
    this.#principal = principal
    const isOfSource = ({ sources }: Grant) => !sources || sources.includes(name.toLowerCase())
    this.#grants = grantsOf(principal).filter((grant) => grant.verbs.includes('read') && isOfSource(grant))
    if (catalog.current) this.current = catalog.current
    if (catalog.hasPaths !== undefined) this.hasPaths = catalog.hasPaths
    if (catalog.tablesWithSchemas) this.tablesWithSchemas = (filter, ctx) => this.#streamed(filter, ctx)
    if (catalog.xdbcTypes) this.xdbcTypes = (ctx) => catalog.xdbcTypes!(ctx)
  }

  async hasSchema(schema: string, ctx: Context, catalog = this.current?.catalog): Promise<boolean> {
    const entry = { catalog: catalog ?? this.#source, schema }
    return this.#seesSchema(entry) && ((await this.#all.hasSchema?.(schema, ctx, catalog)) ?? false)
  }

  async catalogs(ctx: Context): Promise<readonly string[]> {
    if (this.#grants.length === 0) return []
    return (await this.#all.catalogs(ctx)).filter((catalog) => this.#seesCatalog(catalog))
  }

  async schemas(pattern: string | undefined, ctx: Context, catalog?: string): Promise<readonly SchemaEntry[]> {
    if (this.#grants.length === 0) return []
    return (await this.#all.schemas(pattern, ctx, catalog)).filter((entry) => this.#seesSchema(entry))
  }

  async tables(filter: TableFilter, ctx: Context): Promise<readonly TableEntry[]> {
    if (this.#grants.length === 0) return []
    return (await this.#all.tables(filter, ctx)).filter((entry) => this.#seesTable(entry))
  }

  async *#streamed(filter: TableFilter, ctx: Context): AsyncIterable<readonly TableEntry[]> {
    if (this.#grants.length === 0) return
    for await (const entries of this.#all.tablesWithSchemas!(filter, ctx))
      yield entries.filter((entry) => this.#seesTable(entry))
  }

  tableSchema(table: TableEntry, ctx: Context): Promise<Uint8Array> {
    return this.#all.tableSchema(table, ctx)
  }

  tableTypes(ctx: Context): Promise<readonly string[]> {
    return this.#all.tableTypes(ctx)
  }

  async primaryKeys(...args: Parameters<Catalog['primaryKeys']>): ReturnType<Catalog['primaryKeys']> {
    return (await this.#all.primaryKeys(...args)).filter((key) => this.#seesTable(key))
  }

  async foreignKeys(...args: Parameters<Catalog['foreignKeys']>): ReturnType<Catalog['foreignKeys']> {
    const keys = await this.#all.foreignKeys(...args)
    return keys.filter(({ primary, foreign }) => this.#seesTable(primary) && this.#seesTable(foreign))
  }

  #seesTable({ catalog, schema, table }: SchemaEntry & { readonly table: string }): boolean {
    return allows(this.#principal, 'read', { source: this.#source, catalog, schema, table })
  }

  /** Whether all of a schema may be read, or a table that could be in it. */
  #seesSchema({ catalog, schema }: SchemaEntry): boolean {
    const own = schema.toLowerCase()
    const names = [own, `${catalog.toLowerCase()}.${own}`]
    return this.#grants.some(
      ({ schemas, tables }) =>
        (!schemas || names.some((name) => schemas.includes(name))) &&
        (!tables || tables.some((table) => names.includes(table.slice(0, table.lastIndexOf('.'))))),
    )
  }

  /** Whether a grant could be about something in the catalog: one that begins with another catalog is not. */
  #seesCatalog(catalog: string): boolean {
    const start = `${catalog.toLowerCase()}.`
    const isIn = (names: readonly string[] | undefined, fewest: number) =>
      !names ||
      this.hasPaths === true ||
      names.some((name) => name.startsWith(start) || name.split('.').length === fewest)
    return this.#grants.some(({ schemas, tables }) => isIn(schemas, 1) && isIn(tables, 2))
  }
}
