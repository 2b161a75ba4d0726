import { LRUCache } from 'lru-cache'
import { Semaphore } from '../../../async/semaphore.ts'
import { GatewayError } from '../../../query/errors.ts'
import { type Context, holderOf } from '../../../query/types.ts'
import { readTableResource, type TableResource, tableTypeOf } from './table-resource.ts'

/**
 * Gets a resource of the BigQuery API, version 2.
 * @param path below `projects/`, with its parts percent-encoded
 * @throws GatewayError UNKNOWN_OBJECT or UPSTREAM_FORBIDDEN if it does not exist or may not be seen
 */
export type GetResource = (path: string, query: Readonly<Record<string, string>>, ctx: Context) => Promise<object>

/** A table as tables.list tells it. */
export interface ListedTable {
  readonly name: string
  readonly type: string
}

/** How long lists and tables are cached, in milliseconds. */
const FRESH_MS = 30_000
/** Bound of the cache, in bytes of names and columns. */
const MAX_CACHED_BYTES = 32 << 20
/** Names in one page of a list; the API sends fewer if it wants to. */
const PAGE_SIZE = '1000'
/** Most names that one list may have, tables of all datasets together. */
const MAX_NAMES = 200_000
/**
 * Calls at the same time. BigQuery allows 100 calls of one method per second and user.
 * Source: https://cloud.google.com/bigquery/quotas#api_request_quotas.
 */
const MAX_CALLS = 8
/** How long a call waits for the others, in milliseconds. */
const MAX_WAIT_MS = 60_000
/** About what one name and its type take in memory, in bytes, without the name itself. */
const NAME_BYTES = 64
/** About what a column takes in memory, in bytes. */
const COLUMN_BYTES = 250

/** What a column and a table take in memory depends on nested columns, too. */
function sizeOf(fields: TableResource['fields']): number {
  return fields.reduce((sum, { fields: own }) => sum + COLUMN_BYTES + sizeOf(own ?? []), 0)
}

/**
 * Lists of datasets and tables, and tables, by calls of the API that cost nothing: datasets.list, tables.list, tables.get.
 * Everything is cached for a short time.
 */
export class MetadataApi {
  readonly #get: GetResource
  readonly #calls = new Semaphore(MAX_CALLS)
  readonly #cached = new LRUCache<string, { readonly value: unknown; readonly bytes: number }>({
    maxSize: MAX_CACHED_BYTES,
    ttl: FRESH_MS,
    sizeCalculation: ({ bytes }, key) => bytes + 2 * key.length,
  })
  /** Grows when the cache is emptied: what was asked before is not put into it. */
  #generation = 0

  constructor(get: GetResource) {
    this.#get = get
  }

  /** Empties the cache, after a statement that changed the catalog. */
  forget(): void {
    this.#generation++
    this.#cached.clear()
  }

  /** Names of a project's datasets; hidden ones, such as those of anonymous results, are not listed. @throws GatewayError */
  datasets(project: string, ctx: Context): Promise<readonly string[]> {
    const path = [project, 'datasets']
    return this.#list(path, 'datasets', ctx, (item) => {
      const { datasetReference } = item as { datasetReference?: { datasetId?: string } }
      return datasetReference?.datasetId
    })
  }

  /** Tables of a dataset, in the order of the API. @throws GatewayError */
  tables(project: string, dataset: string, ctx: Context): Promise<readonly ListedTable[]> {
    const path = [project, 'datasets', dataset, 'tables']
    return this.#list(path, 'tables', ctx, (item) => {
      const { tableReference, type } = item as { tableReference?: { tableId?: string }; type?: string }
      const name = tableReference?.tableId
      return name === undefined ? undefined : { name, type: tableTypeOf(type) }
    })
  }

  /** A table; undefined if it does not exist, or may not be seen. @throws GatewayError */
  async table(project: string, dataset: string, table: string, ctx: Context): Promise<TableResource | undefined> {
    const path = [project, 'datasets', dataset, 'tables', table]
    const name = path.join('/')
    const known = this.#cached.get(name)
    if (known) return known.value as TableResource
    const generation = this.#generation
    const json = await ifThere(this.#call(path, {}, ctx))
    if (!json) return undefined
    const resource = readTableResource(json)
    this.#keep(name, resource, sizeOf(resource.fields) + COLUMN_BYTES, generation)
    return resource
  }

  /** Whether a project has a dataset that the source may see. @throws GatewayError */
  async hasDataset(project: string, dataset: string, ctx: Context): Promise<boolean> {
    const path = [project, 'datasets', dataset]
    return (await ifThere(this.#call(path, {}, ctx))) !== undefined
  }

  /** All pages of a list. @param read returns undefined for an item without a name */
  async #list<T>(
    path: readonly string[],
    member: string,
    ctx: Context,
    read: (item: object) => T | undefined,
  ): Promise<T[]> {
    const name = path.join('/')
    const known = this.#cached.get(name)
    if (known) return known.value as T[]
    const generation = this.#generation
    const found: T[] = []
    let [pageToken, bytes]: [string | undefined, number] = [undefined, NAME_BYTES]
    do {
      const query = { maxResults: PAGE_SIZE, ...(pageToken !== undefined && { pageToken }) }
      const page = (await this.#call(path, query, ctx)) as Readonly<Record<string, unknown>>
      for (const item of Array.isArray(page[member]) ? (page[member] as object[]) : []) {
        const value = read(item)
        if (value === undefined) continue
        found.push(value)
        bytes += NAME_BYTES + 2 * (typeof value === 'string' ? value : (value as { name: string }).name).length
      }
      if (found.length > MAX_NAMES) throw tooMany()
      const next = page['nextPageToken']
      // A server that repeats its token would never end.
      pageToken = typeof next === 'string' && next !== '' && next !== pageToken ? next : undefined
    } while (pageToken !== undefined)
    this.#keep(name, found, bytes, generation)
    return found
  }

  async #call(names: readonly string[], query: Readonly<Record<string, string>>, ctx: Context): Promise<object> {
    const path = pathOf(names)
    const release = await this.#calls.take(ctx.signal, MAX_WAIT_MS, holderOf(ctx))
    if (!release)
      throw new GatewayError('QUEUE_TIMEOUT', 'The metadata waited too long for other calls: try again later.')
    try {
      return await this.#get(path, query, ctx)
    } finally {
      release()
    }
  }

  #keep(key: string, value: unknown, bytes: number, generation: number): void {
    if (generation === this.#generation) this.#cached.set(key, { value, bytes })
  }
}

/** Names as a path, each encoded. @throws GatewayError UNKNOWN_OBJECT for what a URL takes for a step in the path: nothing has such a name */
function pathOf(names: readonly string[]): string {
  if (names.some((name) => name === '' || name === '.' || name === '..')) throw new GatewayError('UNKNOWN_OBJECT')
  return names.map(encodeURIComponent).join('/')
}

/** Error for more names than metadata may have. */
export function tooMany(): GatewayError {
  return new GatewayError('TOO_LARGE', 'The source has more tables than one answer may list: narrow it by a pattern.')
}

/** The answer, or undefined if what was asked for does not exist or may not be seen: BigQuery tells both alike. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof GatewayError && (error.code === 'UNKNOWN_OBJECT' || error.code === 'UPSTREAM_FORBIDDEN'))
      return undefined
    throw error
  }
}
