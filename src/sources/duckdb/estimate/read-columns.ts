import type { PlanNode } from './plan-tree.ts'

/** Longest text of filters that is searched for columns, in characters, and most searches. */
const MAX_FILTER_CHARACTERS = 20_000
const MAX_SEARCHED = 100_000_000

/**
 * The columns of its table that a scan reads: those of the result and those of its filters.
 *
 * EXPLAIN gives both as text with plain names. A filter may name more columns than it reads (a column named as a function that
 * the filter calls), never fewer. A field of a struct counts as the whole column.
 * @param names the names of the table's columns
 * @returns undefined if the text does not tell
 */
export function readColumns({ info }: PlanNode, names: readonly string[]): ReadonlySet<string> | undefined {
  if (names.some((name) => name.includes('\n'))) return undefined
  const known = new Set(names)
  const columns = new Set<string>()
  for (const text of info['Projections'] ? info['Projections'].split('\n') : []) {
    const name = known.has(text) ? text : structOf(text, known)
    if (name === undefined) return undefined
    columns.add(name)
  }
  const filters = info['Filters'] ?? ''
  if (filters === '') return columns
  const filtered = columnsIn(filters, names)
  if (!filtered) return undefined
  for (const name of filtered) columns.add(name)
  return columns
}

/** The column of a path to a struct's field, such as `s.x`. */
function structOf(path: string, known: ReadonlySet<string>): string | undefined {
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1))
    if (known.has(path.slice(0, dot))) return path.slice(0, dot)
  return undefined
}

const isWordCharacter = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

/** Lists of numbers and texts, which may be long, without names. Texts are empty here. */
const constantLists = /\bIN \((?:(?:''|-?[\d.]+)(?:, |(?=\))))+\)/g

function columnsIn(filters: string, names: readonly string[]): string[] | undefined {
  const text = filters.replaceAll(/'(?:[^']|'')*'/g, "''").replaceAll(constantLists, 'IN ()')
  // Row ids are no column.
  if (text.length > MAX_FILTER_CHARACTERS || text.length * names.length > MAX_SEARCHED) return undefined
  const found = names.filter((name) => occurs(name, text))
  return found.length > 0 || /\browid\b/.test(text) ? found : undefined
}

/** Whether a name occurs in a text, and not as a part of a longer word. */
function occurs(name: string, text: string): boolean {
  if (name === '') return false
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const startsInside = isWordCharacter(name[0]) && isWordCharacter(text[at - 1])
    const endsInside = isWordCharacter(name.at(-1)) && isWordCharacter(text[at + name.length])
    if (!startsInside && !endsInside) return true
  }
  return false
}
