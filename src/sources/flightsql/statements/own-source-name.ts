import type { Ingest } from '../../../query/ingest.ts'
import { QualifiedNames } from '../../../query/text/qualified-names.ts'
import { type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { TokenPass } from '../../../query/text/token-pass.ts'
import type { Context, Query } from '../../../query/types.ts'
import type { UpstreamCatalog } from '../catalog.ts'

/** A part of a statement's text to remove. */
interface Cut {
  readonly start: number
  readonly end: number
}

/** Most names with the source's name in one statement. A statement with more goes to the server unchanged. */
const MAX_NAMES = 65_535

interface Found extends Cut {
  readonly parts: readonly string[]
  readonly isTable: boolean
}

/** Texts up to this length are searched for the name first, which is cheaper than to tokenize them. */
const MAX_SEARCHED_CHARACTERS = 4096

/**
 * Removes the source's name from statements for a server that has no catalog of that name. The gateway's metadata lists the
 * source as a catalog, so that clients write it in their statements. It removes the name from table names, quoted or not, and
 * from column names that are qualified by such a table, but not from literals and comments.
 */
export class OwnName {
  readonly #name: string
  readonly #forwardsRawCommands: boolean
  readonly #catalog: UpstreamCatalog
  readonly #reader: TextReader<readonly Cut[]>

  /** @param forwardsRawCommands whether raw commands go to the server unchanged */
  constructor(catalog: UpstreamCatalog, name: string, forwardsRawCommands: boolean) {
    this.#name = name.toLowerCase()
    this.#forwardsRawCommands = forwardsRawCommands
    this.#catalog = catalog
    this.#reader = new TextReader((text) => new OwnNamesPass(text, this.#name))
  }

  /** The query without the source's name. @throws the signal's reason */
  async removeFrom(query: Query, ctx: Context): Promise<Query> {
    const { sql, rawCommand } = query
    if (rawCommand && this.#forwardsRawCommands) return query
    if (sql.length <= MAX_SEARCHED_CHARACTERS && !sql.toLowerCase().includes(this.#name)) return query
    const cuts = await this.#reader.read(sql, ctx)
    if (cuts.length === 0 || (await this.#catalog.hasOwn(this.#name, ctx))) return query
    return { ...query, sql: cutOut(sql, cuts) }
  }

  /** The upload without the source's name as its catalog. */
  removeFromIngest({ catalog, ...ingest }: Ingest): Ingest {
    return catalog === undefined || catalog.toLowerCase() === this.#name ? ingest : { ...ingest, catalog }
  }
}

/** The text without these parts, which must be in order. */
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
    // Doubled quotes and white space make the name longer, but a longer part than this is another name.
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

/** Whether a name is a known table followed by a column and perhaps fields. */
function isColumnOf(tables: ReadonlySet<string>, parts: readonly string[]): boolean {
  for (let length = parts.length; length > 1; length--) if (tables.has(keyOf(parts.slice(0, length)))) return true
  return false
}

function keyOf(parts: readonly string[]): string {
  return JSON.stringify(parts)
}
