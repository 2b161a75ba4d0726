import { invalidQuery } from '../api-error.ts'
import type { StatementContext } from './context.ts'
import { child, keyword, type Node, place } from './cst.ts'
import { compileQuery } from './query.ts'
import type { Relation } from './scan.ts'
import type { Scope } from './scope.ts'

/** Pipe operators that are a clause of a SELECT over what stands before them. */
const clauses: Readonly<Record<string, string>> = { WHERE: 'where', LIMIT: 'limit', ORDER: 'orderby' }

/**
 * Compiles pipe syntax by writing each operator as a SELECT over the statement before it.
 * @throws ApiError invalidQuery for operators that the stand-in does not know
 */
export function compilePipe(node: Node, context: StatementContext, outer: Scope | undefined): Relation {
  return compileQuery(asSelect(node), context, outer)
}

const star: Node = { node_type: 'Asterisk', token: { literal: '*', line: 1, column: 1 }, children: {} }

function asSelect(node: Node): Node {
  if (node.node_type === 'FromStatement') return over(child(node, 'expr')!)
  if (node.node_type !== 'PipeStatement') return node
  const left = asSelect(child(node, 'left')!)
  const operator = child(node, 'right')!
  const inner: Node = { node_type: 'GroupedStatement', token: operator.token, children: { stmt: { Node: left } } }
  const select = over(inner)
  const name = keyword(operator)
  const expressions = operator.children['exprs']
  if (operator.node_type === 'SelectPipeOperator')
    return { ...select, children: { ...select.children, exprs: expressions } }
  const clause = clauses[name]
  if (!clause) throw invalidQuery(`Syntax error: Unexpected keyword ${name} at ${place(operator)}`)
  const [first] = expressions?.NodeVec ?? []
  const body: Node =
    clause === 'orderby'
      ? { ...operator, children: { exprs: expressions } }
      : { ...operator, children: { ...operator.children, expr: { Node: first ?? child(operator, 'expr')! } } }
  return { ...select, children: { ...select.children, [clause]: { Node: body } } }
}

function over(table: Node): Node {
  const from: Node = { node_type: 'KeywordWithExpr', token: table.token, children: { expr: { Node: table } } }
  return {
    node_type: 'SelectStatement',
    token: table.token,
    children: { exprs: { NodeVec: [star] }, from: { Node: from } },
  }
}
