import { child, children, keyword, type Node, pathOf } from './cst.ts'
import { compileExpression, type Expression, type ExpressionScope } from './expression.ts'
import { asType } from './operators.ts'
import type { Condition } from './scan.ts'

const mirrored: Readonly<Record<string, Condition['operator']>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/** Hands the parts of a WHERE that compare a table's column with constants to the scan of that table. */
export function addConditions(node: Node, within: ExpressionScope): void {
  if (node.node_type === 'GroupedExpr') {
    addConditions(child(node, 'expr')!, within)
    return
  }
  if (node.node_type === 'BinaryOperator' && keyword(node) === 'AND') {
    addConditions(child(node, 'left')!, within)
    addConditions(child(node, 'right')!, within)
    return
  }
  if (child(node, 'not')) return
  const made = (part: Node) => compileExpression(part, within)
  if (node.node_type === 'BetweenOperator') {
    const target = targetOf(child(node, 'left')!, within)
    add(target, '>=', [made(child(node, 'right_min')!)])
    add(target, '<=', [made(child(node, 'right_max')!)])
  } else if (node.node_type === 'InOperator') {
    const list = child(node, 'right')!
    if (list.node_type !== 'GroupedExprs') return
    add(targetOf(child(node, 'left')!, within), 'in', children(list, 'exprs').map(made))
  } else if (node.node_type === 'BinaryOperator') {
    const operator = keyword(node)
    const [left, right] = [child(node, 'left')!, child(node, 'right')!]
    if (operator === 'IS' && right.node_type === 'NullLiteral') add(targetOf(left, within), 'is null', [])
    const flipped = mirrored[operator]
    if (!flipped) return
    const target = targetOf(left, within)
    if (target) add(target, operator as Condition['operator'], [made(right)])
    else add(targetOf(right, within), flipped, [made(left)])
  }
}

interface Target {
  readonly made: Expression
  readonly through?: 'DATE'
}

/** The column that a side of a comparison is, also within DATE(), which BigQuery can look through. */
function targetOf(node: Node, within: ExpressionScope): Target | undefined {
  if (node.node_type === 'GroupedExpr') return targetOf(child(node, 'expr')!, within)
  if (node.node_type === 'CallingFunction') {
    const name = pathOf(child(node, 'func'))?.[0]?.toUpperCase()
    const [argument, ...others] = children(node, 'args')
    if (!argument || others.length > 0) return undefined
    const isCast = name === 'CAST' && keyword(child(argument, 'cast_to')) === 'DATE'
    if (name !== 'DATE' && !isCast) return undefined
    const target = targetOf(isCast ? child(argument, 'cast_from')! : argument, within)
    return target && { ...target, through: 'DATE' }
  }
  if (!pathOf(node)) return undefined
  const made = compileExpression(node, within)
  return made.direct ? { made } : undefined
}

function add(target: Target | undefined, operator: Condition['operator'], constants: readonly Expression[]): void {
  if (!target || !constants.every(({ constant }) => constant)) return
  const type = target.through ?? target.made.field.type
  const values = constants.map(({ field, value }) => asType({ field, value: value([]) }, type))
  for (const { scan, column } of target.made.direct!)
    scan.conditions.push({ column, operator, values, type, ...(target.through && { through: target.through }) })
}
