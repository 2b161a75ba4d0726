import { child, children, keyword, type Node, pathOf } from './cst.ts'
import { compileExpression, type Expression, type ExpressionScope } from './expression.ts'
import { asType } from './operators.ts'
import type { Comparison, Condition, Scan } from './scan.ts'

const mirrored: Readonly<Record<string, Comparison['operator']>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

interface Found {
  readonly scan: Scan
  readonly condition: Condition
}

/** Hands the parts of a WHERE that compare a table's column with constants to the scan of that table. */
export function addConditions(node: Node, within: ExpressionScope): void {
  for (const { scan, condition } of found(node, within)) scan.conditions.push(condition)
}

function found(node: Node, within: ExpressionScope): Found[] {
  if (node.node_type === 'GroupedExpr') return found(child(node, 'expr')!, within)
  const operator = keyword(node)
  const [left, right] = [child(node, 'left'), child(node, 'right')]
  if (node.node_type === 'BinaryOperator' && operator === 'AND')
    return [...found(left!, within), ...found(right!, within)]
  if (node.node_type === 'BinaryOperator' && operator === 'OR')
    return either(found(left!, within), found(right!, within))
  if (child(node, 'not')) return []
  const made = (part: Node) => compileExpression(part, within)
  if (node.node_type === 'BetweenOperator') {
    const target = targetOf(left!, within)
    return [
      ...comparison(target, '>=', [made(child(node, 'right_min')!)]),
      ...comparison(target, '<=', [made(child(node, 'right_max')!)]),
    ]
  }
  if (node.node_type === 'InOperator') {
    if (right!.node_type !== 'GroupedExprs') return []
    return comparison(targetOf(left!, within), 'in', children(right, 'exprs').map(made))
  }
  if (node.node_type !== 'BinaryOperator') return []
  if (operator === 'IS' && right!.node_type === 'NullLiteral') return comparison(targetOf(left!, within), 'is null', [])
  const flipped = mirrored[operator]
  if (!flipped) return []
  const target = targetOf(left!, within)
  return target
    ? comparison(target, operator as Comparison['operator'], [made(right!)])
    : comparison(targetOf(right!, within), flipped, [made(left!)])
}

/** Only scans of which both sides say something are limited. */
function either(left: readonly Found[], right: readonly Found[]): Found[] {
  const of = (side: readonly Found[], scan: Scan) =>
    side.filter((item) => item.scan === scan).map(({ condition }) => condition)
  return [...new Set(left.map(({ scan }) => scan))]
    .filter((scan) => of(right, scan).length > 0)
    .map((scan) => ({ scan, condition: { anyOf: [of(left, scan), of(right, scan)] } }))
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

function comparison(
  target: Target | undefined,
  operator: Comparison['operator'],
  constants: readonly Expression[],
): Found[] {
  if (!target || !constants.every(({ constant }) => constant)) return []
  const type = target.through ?? target.made.field.type
  const values = constants.map(({ field, value }) => asType({ field, value: value([]) }, type))
  const { through } = target
  return target.made.direct!.map(({ scan, column }) => ({
    scan,
    condition: { column, operator, values, type, ...(through && { through }) },
  }))
}
