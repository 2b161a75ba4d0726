import { invalidQuery } from '../api-error.ts'
import type { StatementContext } from './context.ts'
import { child, children, keyword, type Node, pathOf, place } from './cst.ts'
import { compileQuery } from './query.ts'
import type { Relation } from './scan.ts'
import type { Scope } from './scope.ts'

/**
 * Compiles pipe syntax by writing each operator as a SELECT over the statement before it.
 * @throws ApiError invalidQuery for operators that the stand-in does not know
 */
export function compilePipe(node: Node, context: StatementContext, outer: Scope | undefined): Relation {
  return compileQuery(asSelect(node), context, outer)
}

type Parts = Readonly<Record<string, { Node?: Node; NodeVec?: readonly Node[] } | undefined>>

const star: Node = { node_type: 'Asterisk', token: { literal: '*', line: 1, column: 1 }, children: {} }

function asSelect(node: Node): Node {
  if (node.node_type === 'FromStatement') return select(child(node, 'expr')!)
  if (node.node_type !== 'PipeStatement') return node
  const before = child(node, 'left')!
  const operator = child(node, 'right')!
  const alias = aliasOfPipe(before)
  const table: Node = {
    node_type: 'GroupedStatement',
    token: operator.token,
    children: { stmt: { Node: asSelect(before) }, ...(alias && { alias: { Node: alias } }) },
  }
  return select(table, clausesOf(operator, table))
}

/** What an operator adds to `SELECT * FROM table`. */
function clausesOf(operator: Node, table: Node): Parts {
  const exprs = children(operator, 'exprs')
  const list = (nodes: readonly Node[]) => ({ exprs: { NodeVec: nodes } })
  const withStar = (name: string, nodes: readonly Node[]) =>
    list([
      {
        ...star,
        children: {
          [name]: { Node: made('KeywordWithGroupedXXX', { group: { Node: made('GroupedExprs', list(nodes)) } }) },
        },
      },
    ])
  if (operator.node_type === 'Keyword' && keyword(operator) === 'DISTINCT')
    return { distinct_or_all: { Node: operator } }
  switch (keyword(operator)) {
    case 'SELECT':
      return list(exprs)
    case 'EXTEND':
      return list([star, ...exprs])
    case 'WHERE':
      return { where: { Node: made('KeywordWithExpr', { expr: { Node: exprs[0]! } }) } }
    case 'LIMIT':
      return {
        limit: { Node: made('LimitClause', { expr: { Node: exprs[0]! }, offset: operator.children['offset'] }) },
      }
    case 'ORDER':
      return { orderby: { Node: made('XXXByExprs', list(exprs)) } }
    case 'AS':
      return {}
    case 'DROP':
      return withStar('except', exprs)
    case 'SET':
      return withStar(
        'replace',
        exprs.map((item) => ({
          ...child(item, 'right')!,
          children: { ...child(item, 'right')!.children, alias: { Node: child(item, 'left')! } },
        })),
      )
    case 'AGGREGATE': {
      const sequence = child(operator, 'group_and_order_by')
      const keys = children(child(sequence, 'next_keyword'), 'exprs')
      return { ...list([...keys, ...exprs]), groupby: { Node: made('GroupByExprs', list(keys)) } }
    }
    default: {
      if (operator.node_type !== 'JoinPipeOperator')
        throw invalidQuery(`Syntax error: Unexpected keyword ${keyword(operator)} at ${place(operator)}`)
      const join = {
        ...operator,
        node_type: 'JoinOperator',
        children: { ...operator.children, left: { Node: table }, right: { Node: exprs[0]! } },
      }
      return { from: { Node: made('KeywordWithExpr', { expr: { Node: join } }) } }
    }
  }
}

/** The alias under which later operators know the rows. */
function aliasOfPipe(node: Node): Node | undefined {
  if (node.node_type === 'FromStatement') {
    const table = child(node, 'expr')!
    const path = pathOf(table)
    return (
      child(table, 'alias') ??
      (path && { node_type: 'Identifier', token: { literal: path.at(-1)!, line: 1, column: 1 }, children: {} })
    )
  }
  const operator = child(node, 'right')
  if (operator && keyword(operator) === 'AS') return children(operator, 'exprs')[0]
  return operator && /^(WHERE|LIMIT|ORDER)$/.test(keyword(operator)) ? aliasOfPipe(child(node, 'left')!) : undefined
}

function made(type: string, parts: Parts): Node {
  return { node_type: type, token: star.token, children: parts }
}

function select(table: Node, parts: Parts = {}): Node {
  const from = made('KeywordWithExpr', { expr: { Node: table } })
  return made('SelectStatement', { exprs: { NodeVec: [star] }, from: { Node: from }, ...parts })
}
