import { parse } from 'bq2cst'
import { invalidQuery } from '../api-error.ts'

/** A node of the parsed statement, as bq2cst gives it, without its union of types. */
export interface Node {
  readonly node_type: string
  readonly token: { readonly literal: string; readonly line: number; readonly column: number } | null
  readonly children: Readonly<Record<string, { readonly Node?: Node; readonly NodeVec?: readonly Node[] } | undefined>>
}

/** One child by name. */
export function child(node: Node | undefined, name: string): Node | undefined {
  return node?.children[name]?.Node
}

/** A list of children by name; empty if there is none. */
export function children(node: Node | undefined, name: string): readonly Node[] {
  return node?.children[name]?.NodeVec ?? []
}

/** Text of the node's own token, upper case. */
export function keyword(node: Node | undefined): string {
  return (node?.token?.literal ?? '').toUpperCase()
}

/** Place in the statement as BigQuery's messages tell it. */
export function place(node: Node): string {
  return `[${node.token?.line ?? 1}:${node.token?.column ?? 1}]`
}

/** All nodes below and including a node. */
export function* walk(node: Node): Generator<Node> {
  yield node
  for (const entry of Object.values(node.children)) {
    if (entry?.Node) yield* walk(entry.Node)
    for (const item of entry?.NodeVec ?? []) yield* walk(item)
  }
}

/** The names of a path such as `a.b.c`, also in one pair of backticks; undefined if the node is none. */
export function pathOf(node: Node | undefined): string[] | undefined {
  if (!node) return undefined
  if (node.node_type === 'Identifier') return unquoted(node.token!.literal)
  if (node.node_type === 'MultiTokenIdentifier') {
    const rest = children(node, 'trailing_idents').map((part) => part.token!.literal)
    return unquoted([node.token!.literal, ...rest].join(''))
  }
  if (node.node_type !== 'DotOperator') return undefined
  const left = pathOf(child(node, 'left'))
  const right = pathOf(child(node, 'right'))
  return left && right && [...left, ...right]
}

function unquoted(text: string): string[] {
  return text.startsWith('`') ? text.slice(1, -1).split('.') : [text]
}

/**
 * The statements of a script.
 * @throws ApiError invalidQuery where the text is no statement
 */
export function statementsOf(sql: string): Node[] {
  let nodes: Node[]
  try {
    nodes = parse(sql) as unknown as Node[]
  } catch (error) {
    const {
      line = 1,
      column = 1,
      message = 'statement',
    } = error as { line?: number; column?: number; message?: string }
    const lines = sql.split('\n')
    const atEnd = line > lines.length
    const at = atEnd ? `[${lines.length}:${lines.at(-1)!.length + 1}]` : `[${line}:${column}]`
    throw invalidQuery(
      `Syntax error: ${atEnd ? 'Unexpected end of statement' : `Unexpected text, ${message}`} at ${at}`,
    )
  }
  const statements = nodes.filter(({ node_type }) => node_type !== 'EOF')
  for (const statement of statements)
    if (statement.node_type === 'StandAloneExpr') {
      const first = child(statement, 'expr')!
      throw invalidQuery(`Syntax error: Unexpected identifier "${first.token?.literal}" at ${place(first)}`)
    }
  if (statements.length === 0) throw invalidQuery('Syntax error: Unexpected end of script at [1:1]')
  return statements
}
