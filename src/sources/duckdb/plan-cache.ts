import { LRUCache } from 'lru-cache'
import type { Query } from '../../query/types.ts'
import type { TypeForm } from './types/plain-type.ts'
import type { Description } from './workers/messages.ts'

const MAX_BYTES = 32 << 20
const changesRowsOrTables =
  /^\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP\s+|TEMPORARY\s+)?TABLE|DROP\s+TABLE)\b/i
/** A generated column is `name AS (expression)`; after other uses of AS stands a word. */
const mayGenerateColumns = /\bAS(?!\s+[A-Za-z_])/i

/** Plans by schema, text and types. They are valid until the catalog changes, which only statements through the source can do. */
export class PlanCache {
  /** Number of changes of the catalog so far. */
  version = 0
  /** Number of changes so far that may have changed views or functions. */
  definitionsVersion = 0
  readonly #plans = new LRUCache<string, Description>({
    maxSize: MAX_BYTES,
    sizeCalculation: (description, key) => 2 * key.length + description.schema.byteLength + 100,
  })
  readonly #formOf: (query: Query) => TypeForm
  readonly #losslessTypes: boolean

  /**
   * @param losslessTypes the source's default
   * @param formOf the types that a query asks for
   */
  constructor(losslessTypes: boolean, formOf: (query: Query) => TypeForm) {
    this.#losslessTypes = losslessTypes
    this.#formOf = formOf
  }

  keyOf(query: Query): string {
    const { schema } = query.session
    const schemaAndSql = schema === undefined ? query.sql : `${schema}\0${query.sql}`
    const { losslessTypes, dictionaries } = this.#formOf(query)
    if (dictionaries && losslessTypes === this.#losslessTypes) return schemaAndSql
    return `\0\0${losslessTypes} ${dictionaries}\0${schemaAndSql}`
  }

  get(key: string): Description | undefined {
    return this.#plans.get(key)
  }

  /** Keeps a plan, unless the catalog has changed. @param version the version before planning */
  set(key: string, description: Description, version: number): void {
    if (version === this.version) this.#plans.set(key, description)
  }

  delete(key: string): void {
    this.#plans.delete(key)
  }

  /**
   * Forgets all plans, since the catalog may have changed.
   * @param sql the statement that did it; undefined if it is not known
   */
  invalidate(sql?: string): void {
    this.version++
    if (sql === undefined || !keepsDefinitions(sql)) this.definitionsVersion++
    this.#plans.clear()
  }
}

/**
 * Whether this is a single statement that creates and replaces no view, no function and no generated column, by its words; in doubt,
 * false.
 */
function keepsDefinitions(sql: string): boolean {
  const semicolon = sql.indexOf(';')
  if (/^\s*CREATE/i.test(sql) && mayGenerateColumns.test(sql)) return false
  return changesRowsOrTables.test(sql) && (semicolon === -1 || sql.slice(semicolon + 1).trim() === '')
}
