import { isConstant } from '../../syntax/columns.ts'
import { integerValue, stringValue } from '../../syntax/literals.ts'
import { functionName } from '../../syntax/names.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { hasPositionalParameters } from '../rule.ts'
import { type Period, type PeriodExpression, periodExpression, type RangeType } from './period.ts'

const flipped: Readonly<Record<string, string>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/**
 * Turns a condition on an expression of a column into a range on the column itself, which the engine can use to skip partitions:
 * `DATE(ts) = '2024-01-31'` becomes `ts >= TIMESTAMP '2024-01-31' AND ts < TIMESTAMP '2024-02-01'`.
 * @param isColumn whether a node is the column
 * @returns a condition that holds for the same rows; undefined if there is none
 */
export function turnAround(
  condition: SqlNode,
  type: RangeType,
  text: string,
  isColumn: (node: SqlNode) => boolean,
): string | undefined {
  const inner = condition.type === 'GroupedExpr' ? condition.one('expr') : condition
  if (!inner || inner.one('not')) return undefined
  const [left, right] = [inner.one('left'), inner.one('right')]
  const read = (node: SqlNode | undefined) => {
    const expression = node && periodExpression(node, type)
    return expression && isColumn(expression.column) ? expression : undefined
  }
  if (inner.type === 'BetweenOperator') {
    const [expression, low, high] = [read(left), inner.one('right_min'), inner.one('right_max')]
    if (!expression || !low || !high) return undefined
    const range = new Range(expression, type, text)
    const [from, to] = [range.bound('>=', low), range.bound('<=', high)]
    return from && to && `${from} AND ${to}`
  }
  if (inner.type !== 'BinaryOperator' || !left || !right) return undefined
  const operator = inner.word
  if (operator === 'LIKE') {
    const expression = read(left)
    const prefix = /^([^%_]*)%$/.exec(stringValue(right) ?? '')?.[1]
    const period = prefix === undefined ? undefined : expression?.periodOfPrefix?.(prefix)
    return expression && period && new Range(expression, type, text).within(period)
  }
  if (!(operator in flipped)) return undefined
  const [expression, constant, compared] = read(left)
    ? [read(left)!, right, operator]
    : [read(right), left, flipped[operator]!]
  if (expression) return new Range(expression, type, text).bound(compared, constant)
  return (
    shifted(left, operator, right, type, text, isColumn) ??
    shifted(right, flipped[operator]!, left, type, text, isColumn) ??
    withDefault(left, operator, right, type, text, isColumn)
  )
}

/** Writes conditions on the column of an expression. */
class Range {
  readonly #expression: PeriodExpression
  readonly #type: RangeType
  readonly #text: string

  constructor(expression: PeriodExpression, type: RangeType, text: string) {
    this.#expression = expression
    this.#type = type
    this.#text = text
  }

  within({ from, to }: Period): string {
    const column = this.#expression.column.textIn(this.#text)
    if (this.#type === 'DATE' && this.#expression.unit === 'DAY' && next(from) === to)
      return `${column} = ${this.#literal(from)}`
    return `${column} >= ${this.#literal(from)} AND ${column} < ${this.#literal(to)}`
  }

  /** A comparison with a constant; undefined if the constant is unknown or has a type that does not fit. */
  bound(operator: string, constant: SqlNode): string | undefined {
    const column = this.#expression.column.textIn(this.#text)
    const period = this.#expression.periodOf(constant)
    if (period) {
      if (operator === '=') return this.within(period)
      const day = operator === '<' || operator === '>=' ? period.from : period.to
      return `${column} ${operator.startsWith('<') ? '<' : '>='} ${this.#literal(day)}`
    }
    const { isDate, zone } = this.#expression
    // Only an expression whose type is certainly DATE can be turned around without knowing its value.
    if (!isDate || zone !== undefined || !isConstant(constant) || !isDateExpression(constant)) return undefined
    const value = constant.textIn(this.#text)
    if (this.#type === 'DATE') return `${column} ${operator} ${value}`
    if (this.#type === 'SUFFIX') return `${column} ${operator} FORMAT_DATE('%Y%m%d', ${value})`
    const today = `${this.#type}(${value})`
    const tomorrow = `${this.#type}(DATE_ADD(${value}, INTERVAL 1 DAY))`
    if (operator === '=')
      return hasPositionalParameters(constant) ? undefined : `${column} >= ${today} AND ${column} < ${tomorrow}`
    return operator === '<' || operator === '>='
      ? `${column} ${operator} ${today}`
      : `${column} ${operator === '>' ? '>=' : '<'} ${tomorrow}`
  }

  #literal(day: string): string {
    const { zone } = this.#expression
    return dayLiteral(day, this.#type, zone)
  }
}

/** A day as a constant of the column's type. */
export function dayLiteral(day: string, type: RangeType, zone?: string): string {
  if (type === 'SUFFIX') return `'${day.replaceAll('-', '')}'`
  return zone !== undefined && type === 'TIMESTAMP' ? `TIMESTAMP '${day} 00:00:00 ${zone}'` : `${type} '${day}'`
}

function next(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

/** Whether an expression certainly has the type DATE. */
function isDateExpression(node: SqlNode): boolean {
  if (node.type === 'GroupedExpr' && node.one('expr')) return isDateExpression(node.one('expr')!)
  if (node.type === 'UnaryOperator' && node.word === 'DATE') return true
  if (node.type === 'Identifier' && node.word === 'CURRENT_DATE') return true
  const name = functionName(node)
  if (name === 'CURRENT_DATE' || name === 'DATE' || name === 'LAST_DAY' || name === 'PARSE_DATE') return true
  if (name === 'DATE_SUB' || name === 'DATE_ADD' || name === 'DATE_TRUNC')
    return isDateExpression(node.many('args')[0]!)
  return name === 'CAST' && node.many('args')[0]?.one('cast_to')?.word === 'DATE'
}

/** `DATE_ADD(d, INTERVAL 7 DAY) >= x` and `DATE_DIFF(x, d, DAY) <= 7` as conditions on d. */
function shifted(
  expression: SqlNode,
  operator: string,
  constant: SqlNode,
  type: RangeType,
  text: string,
  isColumn: (node: SqlNode) => boolean,
): string | undefined {
  if (type !== 'DATE' || !isConstant(constant)) return undefined
  const name = functionName(expression)
  const args = expression.many('args')
  const [first, second, third] = args
  if ((name === 'DATE_ADD' || name === 'DATE_SUB') && first && isColumn(first) && second?.type === 'IntervalLiteral') {
    const unit = second.one('date_part')?.word
    const isDay = isDateExpression(constant) || constant.type === 'StringLiteral'
    if ((unit !== 'DAY' && unit !== 'WEEK') || !isDay || !isConstant(second)) return undefined
    const value = constant.type === 'StringLiteral' ? `DATE ${constant.textIn(text)}` : constant.textIn(text)
    const opposite = name === 'DATE_ADD' ? 'DATE_SUB' : 'DATE_ADD'
    return `${first.textIn(text)} ${operator} ${opposite}(${value}, ${second.textIn(text)})`
  }
  if (name === 'DATE_DIFF' && first && second && third?.word === 'DAY' && integerValue(constant) !== undefined) {
    const count = constant.textIn(text)
    if (isColumn(second) && isConstant(first) && isDateExpression(first))
      return `${second.textIn(text)} ${flipped[operator]} DATE_SUB(${first.textIn(text)}, INTERVAL ${count} DAY)`
    if (isColumn(first) && isConstant(second) && isDateExpression(second))
      return `${first.textIn(text)} ${operator} DATE_ADD(${second.textIn(text)}, INTERVAL ${count} DAY)`
  }
  return undefined
}

/** `IFNULL(d, DATE '1970-01-01') >= DATE '2024-01-01'` as a condition on d, if the default itself does not meet it. */
function withDefault(
  expression: SqlNode,
  operator: string,
  constant: SqlNode,
  type: RangeType,
  text: string,
  isColumn: (node: SqlNode) => boolean,
): string | undefined {
  const name = functionName(expression)
  const [column, fallback] = expression.many('args')
  if ((name !== 'IFNULL' && name !== 'COALESCE') || expression.many('args').length !== 2 || type === 'SUFFIX')
    return undefined
  const read = (node: SqlNode | undefined) => {
    const literal = node?.type === 'UnaryOperator' && node.word === type ? stringValue(node.one('right')) : undefined
    return literal && /^\d{4}-\d{2}-\d{2}$/.test(literal) ? literal : undefined
  }
  const [other, value] = [read(fallback), read(constant)]
  if (!column || !isColumn(column) || other === undefined || value === undefined) return undefined
  const meets = operator === '=' ? other === value : operator.startsWith('<') ? other <= value : other >= value
  return meets ? undefined : `${column.textIn(text)} ${operator} ${constant.textIn(text)}`
}
