import { type QualifiedName, QualifiedNames } from './qualified-names.ts'
import { type Call, type TextPass, TextReader } from './text-pass.ts'
import { TokenPass } from './token-pass.ts'

/** The first part of a qualified table name in a statement. */
export interface TableHead {
  /** In lower case. */
  readonly name: string
  /** Whether the part must be a catalog where names are `catalog.schema.table`; otherwise it may also be a schema. */
  readonly isCatalog: boolean
}

/** Longer names are ignored. */
const MAX_NAME_CHARACTERS = 300
/** Maximum number of heads per statement; the engine resolves further names. */
const MAX_HEADS = 256

const statements = new TextReader((text) => new TableHeadsPass(text))

/**
 * Returns the distinct first parts of the qualified names in table and schema positions. Ignores literals and comments.
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
    const take = (qualified: QualifiedName) => {
      const { place, start, restStart, partCount } = qualified
      if (place === 'other' || restStart - start > MAX_NAME_CHARACTERS || this.#heads.size >= MAX_HEADS) return
      const name = qualified.part(0).toLowerCase()
      const isCatalog = place === 'schema' || partCount > 2
      const key = `${isCatalog} ${name}`
      if (!this.#heads.has(key)) this.#heads.set(key, { name, isCatalog, start })
    }
    this.#names = new QualifiedNames(text, take, { backticks: true })
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
