import { type DeclaredFunctions, isDeclared } from './declared-functions.ts'
import type { SqlDialect } from './dialect.ts'
import { textFactsOf } from './facts-of.ts'
import type { TextFacts } from './facts-pass.ts'
import { Lexer } from './lexer/lexer.ts'
import type { StatementFacts } from './statement-facts.ts'

/** What users of an engine have defined, so that the text of a statement does not show what it reads. */
export interface Definitions {
  /** The statements that define views, or what tables compute when they are read, by the name in lower case, of all schemas. */
  readonly views: ReadonlyMap<string, readonly string[]>
  /** Functions that users have defined, in upper case; they may stand for built-in ones. */
  readonly functions: ReadonlySet<string>
}

/** Views in views are followed this far. */
const MAX_VIEWS = 200

/**
 * The facts of a statement with what the engine's users have defined. A table is named by the last part of its name in lower case:
 * tables of the same name in several schemas count as one.
 * @param declared functions that count as known
 * @throws the signal's reason
 */
export async function definedFacts(
  facts: TextFacts,
  definitions: Definitions,
  dialect: SqlDialect,
  declared?: DeclaredFunctions,
): Promise<StatementFacts> {
  const { obstacle, canonical } = facts
  if (obstacle) return { obstacle, canonical, reads: undefined }
  const reads = new Set<string>()
  const seen = new Set<string>()
  const waiting: TextFacts[] = [facts]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const found = next.obstacle ?? (callsAny(next, definitions.functions, declared) ? 'unknown-function' : undefined)
    if (found) return { obstacle: found, canonical, reads: undefined }
    for (const parts of next.tables) {
      const name = parts.at(-1)!
      reads.add(name)
      if (seen.has(name)) continue
      seen.add(name)
      for (const view of definitions.views.get(name) ?? []) {
        if (seen.size > MAX_VIEWS) return { obstacle: 'unreadable', canonical, reads: undefined }
        waiting.push(await textFactsOf(queryOf(view, dialect), dialect, undefined, declared))
      }
    }
  }
  return { canonical, reads: [...reads] }
}

function callsAny(
  { calls }: TextFacts,
  functions: ReadonlySet<string>,
  declared: DeclaredFunctions | undefined,
): boolean {
  for (const call of calls)
    if (functions.has(call.slice(call.lastIndexOf('.') + 1)) && !(declared && isDeclared(call, declared))) return true
  return false
}

/** The query in `CREATE VIEW name (columns) AS query`; empty if there is none. */
function queryOf(statement: string, dialect: SqlDialect): string {
  const lexer = new Lexer(statement, dialect)
  while (lexer.next()) {
    const { kind, start, end } = lexer.token
    if (kind === 'word' && statement.slice(start, end).toUpperCase() === 'AS') return statement.slice(end)
  }
  return ''
}
