import type { Ingest } from '../../../query/ingest.ts'
import { QualifiedNames } from '../../../query/text/qualified-names.ts'
import { type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { TokenPass } from '../../../query/text/token-pass.ts'
import type { Context, Query } from '../../../query/types.ts'
import type { UpstreamCatalog } from '../catalog.ts'

/** A part of a statement's text to leave out. */
interface Cut {
  readonly start: number
  readonly end: number
}

/** Most names that begin with it in one statement; one that has more goes to the server as it is written. */
const MAX_NAMES = 65_535

interface Found extends Cut {
  readonly parts: readonly string[]
  readonly isTable: boolean
}

/** Shorter texts are searched for the name before they are read. */
const MAX_SEARCHED_CHARACTERS = 4096

/**
 * Leaves the name of a source out of statements for a server that knows no catalog of this name: metadata tells it in place
 * of one, and it is typed back. It is left out of the names of tables, quoted or not, and of those of their columns where
 * such a table is named; in literals and comments it stays.
 */
export class OwnName {
  readonly #name: string
  readonly #takesRaw: boolean
  readonly #catalog: UpstreamCatalog
  readonly #reader: TextReader<readonly Cut[]>

  /** @param takesRaw whether raw commands go to the server as they come */
  constructor(catalog: UpstreamCatalog, name: string, takesRaw: boolean) {
    this.#name = name.toLowerCase()
    this.#takesRaw = takesRaw
    this.#catalog = catalog
    this.#reader = new TextReader((text) => new OwnNamesPass(text, this.#name))
  }

  /** The query as the server understands it. @throws the signal's reason */
  async leftOut(query: Query, ctx: Context): Promise<Query> {
    const { sql, rawCommand } = query
    if (rawCommand && this.#takesRaw) return query
    if (sql.length <= MAX_SEARCHED_CHARACTERS && !sql.toLowerCase().includes(this.#name)) return query
    const cuts = await this.#reader.read(sql, ctx)
    if (cuts.length === 0 || (await this.#catalog.hasOwn(this.#name, ctx))) return query
    return { ...query, sql: cutOut(sql, cuts) }
  }

  /** The upload without it. */
  leftOutOf({ catalog, ...ingest }: Ingest): Ingest {
    return catalog === undefined || catalog.toLowerCase() === this.#name ? ingest : { ...ingest, catalog }
  }
}

/** The text without these parts of it, which are given in order. */
function cutOut(text: string, cuts: readonly Cut[]): string {
  const kept: string[] = []
  let from = 0
  for (const { start, end } of cuts) {
    kept.push(text.slice(from, start))
    from = end
  }
  return `${kept.join('')}${text.slice(from)}`
}

class OwnNamesPass implements TextPass<readonly Cut[]> {
  readonly #found: Found[] = []
  readonly #names: QualifiedNames
  readonly #tokens: TokenPass
  #isDone = false

  /** @param own in lower case */
  constructor(text: string, own: string) {
    // With its quotes and white space it may be longer, each quote doubled; all other names differ for sure.
    const maxCharacters = 2 * own.length + 100
    this.#names = new QualifiedNames(text, (name) => {
      const { start, restStart, partCount, place } = name
      if (restStart - start > maxCharacters || name.part(0).toLowerCase() !== own) return
      if (this.#found.length > MAX_NAMES) return
      const parts = Array.from({ length: Math.min(partCount, 16) }, (_, i) => name.part(i).toLowerCase())
      this.#found.push({ start, end: restStart, parts, isTable: place !== 'other' })
    })
    this.#tokens = new TokenPass(text, this.#names)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  advance(characters: number): void {
    this.#tokens.advance(characters)
    if (!this.#tokens.isDone) return
    this.#names.end()
    this.#isDone = true
  }

  result(): readonly Cut[] {
    if (this.#found.length > MAX_NAMES) return []
    const certain = this.#found.filter(({ start }) => start < this.#names.doubtfulFrom)
    const tables = new Set(certain.filter(({ isTable }) => isTable).map(({ parts }) => keyOf(parts)))
    return certain.filter(({ isTable, parts }) => isTable || isColumnOf(tables, parts))
  }
}

/** Whether a name is that of a table with a column, and perhaps fields, behind it. */
function isColumnOf(tables: ReadonlySet<string>, parts: readonly string[]): boolean {
  for (let length = parts.length; length > 1; length--) if (tables.has(keyOf(parts.slice(0, length)))) return true
  return false
}

function keyOf(parts: readonly string[]): string {
  return JSON.stringify(parts)
}
