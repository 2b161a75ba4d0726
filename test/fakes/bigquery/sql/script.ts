import type { FakeTables } from '../tables.ts'
import { type QueryParameter, StatementContext } from './context.ts'
import { type Node, statementsOf } from './cst.ts'
import { type CompiledStatement, compileStatement } from './statement.ts'

/** A parsed script: its statements are compiled one by one, because each sees what those before it made. */
export interface Script {
  readonly statements: readonly { readonly text: string; compile(): CompiledStatement }[]
}

/**
 * Parses a statement or script.
 * @param defaults project and dataset of names without them
 * @throws ApiError invalidQuery
 */
export function scriptOf(
  sql: string,
  tables: FakeTables,
  defaults: { readonly project: string; readonly dataset?: string | undefined },
  parameters: readonly QueryParameter[],
): Script {
  const nodes = statementsOf(sql)
  const context = new StatementContext(tables, defaults.project, defaults.dataset, parameters, nodes)
  const texts = textsOf(sql, nodes)
  return {
    statements: nodes.map((node, index) => ({
      text: texts[index]!,
      compile: () => ({ ...compileStatement(node, context), text: texts[index]! }),
    })),
  }
}

/** The text of each statement: statements of the top level end at their semicolon. */
function textsOf(sql: string, nodes: readonly Node[]): string[] {
  if (nodes.length === 1) return [sql.trim().replace(/;$/, '')]
  const starts = [0]
  const lines = sql.split('\n')
  const offsets: number[] = []
  let offset = 0
  for (const line of lines) {
    offsets.push(offset)
    offset += line.length + 1
  }
  for (const node of nodes) {
    const end = node.children['semicolon']?.Node?.token
    starts.push(end ? offsets[end.line - 1]! + end.column : sql.length)
  }
  return nodes.map((_, index) =>
    sql
      .slice(starts[index], starts[index + 1])
      .trim()
      .replace(/;$/, ''),
  )
}
