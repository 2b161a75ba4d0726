import type { FakeTables } from '../tables.ts'
import { type QueryParameter, StatementContext } from './context.ts'
import { child, type Node, statementsOf } from './cst.ts'
import { type CompiledStatement, compileStatement } from './statement.ts'

/** A parsed script: its statements are compiled one by one, because each sees what those before it made. */
export interface Script {
  readonly statements: readonly { readonly text: string; compile(): CompiledStatement }[]
  /** Parameters without a value, once the statements are compiled. */
  readonly undeclared: readonly { readonly name?: string; readonly type: string }[]
}

/**
 * Parses a statement or script.
 * @param defaults project and dataset of names without them
 * @param estimateOnly parameters may lack values
 * @throws ApiError invalidQuery
 */
export function scriptOf(
  sql: string,
  tables: FakeTables,
  defaults: { readonly project: string; readonly dataset?: string | undefined },
  parameters: readonly QueryParameter[],
  estimateOnly = false,
): Script {
  const nodes = statementsOf(sql)
  const context = new StatementContext(tables, defaults.project, defaults.dataset, parameters, nodes, estimateOnly)
  const texts = textsOf(sql, nodes)
  const statements = nodes.map((node, index) => ({
    node,
    text: texts[index]!,
    compile: () => ({ ...compileStatement(node, context), text: texts[index]! }),
  }))
  // A function for one statement makes no script of it.
  const others = statements.filter(({ node }) => node.node_type !== 'CreateFunctionStatement' || !child(node, 'temp'))
  return { statements: others.length > 0 ? others : statements, undeclared: context.undeclared }
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
