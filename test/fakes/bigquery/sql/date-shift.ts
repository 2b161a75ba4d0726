import type { Value } from '../schema.ts'
import { child, keyword, type Node } from './cst.ts'
import { compileExpression, derived, type Expression, type ExpressionScope, string, unevaluated } from './expression.ts'

const micros: Readonly<Record<string, number>> = {
  MICROSECOND: 1,
  MILLISECOND: 1e3,
  SECOND: 1e6,
  MINUTE: 60e6,
  HOUR: 3600e6,
  DAY: 86_400e6,
  WEEK: 604_800e6,
}
const months: Readonly<Record<string, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12 }

/** DATE_SUB(date, INTERVAL n DAY) and its like, which partition filters use. */
export function shifted(
  name: string,
  args: readonly Expression[],
  nodes: readonly Node[],
  within: ExpressionScope,
): Expression {
  const interval = nodes.find(({ node_type }) => node_type === 'IntervalLiteral')
  const unit = keyword(child(interval, 'date_part'))
  const amount = interval && compileExpression(child(interval, 'expr')!, within)
  const [start] = args
  if (!amount || !start || !(unit in micros || unit in months)) return unevaluated(args, start?.field ?? string)
  const sign = name.endsWith('SUB') ? -1 : 1
  return derived([start, amount], ([from, count]) => {
    const { field, value } = from!
    if (value === null || count!.value === null) return { field, value: null }
    return { field, value: moved(value as string, field.type, sign * Number(count!.value), unit) }
  })
}

function moved(value: string, type: string, count: number, unit: string): Value {
  const step = micros[unit]
  if (type === 'TIMESTAMP') return String(BigInt(value) + BigInt(count) * BigInt(step ?? 0))
  const time = value.slice(10)
  const date = new Date(`${value.slice(0, 10)}T00:00:00Z`)
  if (step !== undefined) return new Date(date.getTime() + (count * step) / 1000).toISOString().slice(0, 10) + time
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + count * months[unit]!)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, last))
  return date.toISOString().slice(0, 10) + time
}
