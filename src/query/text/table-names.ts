import { QualifiedNames } from './qualified-names.ts'
import { type Call, type TextPass, TextReader } from './text-pass.ts'
import { TokenPass } from './token-pass.ts'

/** What the tables of a statement are named with, the same only once. */
export interface TableHead {
  /** The first part of a name, in lower case. */
  readonly name: string
  /** Whether it can only be a catalog where names are `catalog.schema.table`; else it may be a schema as well. */
  readonly isCatalog: boolean
}

/** Longest name that a catalog can have here. */
const MAX_NAME_CHARACTERS = 300
/** A statement has no more; what comes after them is left to the engine. */
const MAX_HEADS = 256

const statements = new TextReader((text) => new TableHeadsPass(text))

/**
 * The first parts of the qualified names that a statement has where tables are named; in literals and comments are none.
 * @throws the signal's reason
 */
export function readTableHeads(sql: string, call?: Call): readonly TableHead[] | Promise<readonly TableHead[]> {
  return statements.read(sql, call)
}

class TableHeadsPass implements TextPass<readonly TableHead[]> {
  readonly #heads = new Map<string, TableHead & { readonly start: number }>()
  readonly #names: QualifiedNames
  readonly #tokens: TokenPass
  #isDone = false

  constructor(text: string) {
    this.#names = new QualifiedNames(text, (qualified) => {
      const { place, start, restStart, partCount } = qualified
      if (place === 'other' || restStart - start > MAX_NAME_CHARACTERS || this.#heads.size >= MAX_HEADS) return
      const name = qualified.part(0).toLowerCase()
      const isCatalog = place === 'schema' || partCount > 2
      const key = `${isCatalog} ${name}`
      if (!this.#heads.has(key)) this.#heads.set(key, { name, isCatalog, start })
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

  result(): readonly TableHead[] {
    const { doubtfulFrom } = this.#names
    return [...this.#heads.values()].filter(({ start }) => start < doubtfulFrom)
  }
}
