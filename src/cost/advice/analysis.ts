import type { TableFacts } from '../../query/billing/source-cost.ts'
import type { RuleInput } from './rules/rule.ts'
import { rules } from './rules/rules.ts'
import { applyEdits, type Suggestion } from './suggestion.ts'
import { type Statement, statementOf } from './syntax/statement.ts'
import { type RawNode, treeOf } from './syntax/tree.ts'
import { UsedColumns } from './syntax/used-columns.ts'

/** Parses a text; throws what the parser throws. */
export type Parse = (sql: string) => readonly RawNode[]

/** Facts of tables by their names as `tablesOf` returns them, joined by a line feed. */
export type Facts = ReadonlyMap<string, TableFacts>

/** Most statements of a script that rules look at, and most suggestions that they make. */
const MAX_STATEMENTS = 50
const MAX_SUGGESTIONS = 40

/** Key of a table among `Facts`. */
export function factsKey(path: readonly string[]): string {
  return path.join('\n')
}

/** The tables that a text names, each once; undefined if the text cannot be read. */
export function tablesOf(sql: string, parse: Parse): readonly (readonly string[])[] | undefined {
  const statements = read(sql, parse)
  if (!statements) return undefined
  const tables = new Map<string, readonly string[]>()
  for (const { selects } of statements)
    for (const { relations } of selects)
      for (const { kind, path } of relations) if (kind === 'table') tables.set(factsKey(path), path)
  return [...tables.values()]
}

/**
 * What the rules find in a text. Edits that would leave a text that cannot be read are left out.
 * @param now Unix milliseconds
 */
export function suggestionsOf(sql: string, facts: Facts, now: number, parse: Parse): readonly Suggestion[] {
  const suggestions: Suggestion[] = []
  for (const statement of read(sql, parse) ?? []) {
    const used = new UsedColumns(statement)
    const input: RuleInput = {
      text: sql,
      statement,
      used,
      now,
      factsOf: ({ kind, path }) => (kind === 'table' ? facts.get(factsKey(path)) : undefined),
    }
    for (const rule of rules)
      for (const suggestion of rule(input)) {
        if (suggestions.length >= MAX_SUGGESTIONS) return suggestions
        if (suggestions.some(({ message }) => message === suggestion.message)) continue
        suggestions.push(checked(suggestion, sql, parse))
      }
  }
  return suggestions
}

function read(sql: string, parse: Parse): readonly Statement[] | undefined {
  const nodes = treeOf(sql, parse(sql))
  return nodes?.slice(0, MAX_STATEMENTS).map(statementOf)
}

function checked(suggestion: Suggestion, sql: string, parse: Parse): Suggestion {
  if (!suggestion.edits) return suggestion
  const rewritten = applyEdits(sql, suggestion.edits)
  if (rewritten !== undefined && rewritten !== sql && isReadable(rewritten, parse)) return suggestion
  const { edits: _, ...message } = suggestion
  return message
}

function isReadable(sql: string, parse: Parse): boolean {
  try {
    return treeOf(sql, parse(sql)) !== undefined
  } catch (error) {
    if (error instanceof Error) throw error
    return false
  }
}
