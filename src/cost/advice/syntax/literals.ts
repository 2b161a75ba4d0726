import { functionName } from './names.ts'
import type { SqlNode } from './tree.ts'

/** The value of a plain string literal; undefined for other literals and for texts with escapes. */
export function stringValue(node: SqlNode | undefined): string | undefined {
  // The parser takes the r of a raw string for an operator.
  const isRaw = node?.type === 'UnaryOperator' && node.word === 'R'
  const literal = isRaw ? node.one('right') : node
  if (literal?.type !== 'StringLiteral' || /^(?:'''|""")/.test(literal.token)) return undefined
  const value = /^['"]([^\n]*)['"]$/.exec(literal.token)?.[1]
  return value?.includes('\\') && !isRaw ? undefined : value
}

/** The value of an integer literal. */
export function integerValue(node: SqlNode | undefined): number | undefined {
  if (node?.type === 'UnaryOperator' && node.token === '-') {
    const value = integerValue(node.one('right'))
    return value === undefined ? undefined : -value
  }
  return node?.type === 'NumericLiteral' && /^\d{1,15}$/.test(node.token) ? Number(node.token) : undefined
}

/** The day of a literal that stands for a day at midnight, as `2024-01-31`: a text, `DATE '...'`, `TIMESTAMP('...')` ... */
export function dayValue(node: SqlNode | undefined): string | undefined {
  let text = stringValue(node)
  if (node?.type === 'UnaryOperator' && /^(?:DATE|TIMESTAMP|DATETIME)$/.test(node.word))
    text = stringValue(node.one('right'))
  if (/^(?:DATE|TIMESTAMP|DATETIME)$/.test(functionName(node) ?? '') && node!.many('args').length === 1)
    text = stringValue(node!.many('args')[0])
  const day = /^(\d{4}-\d{2}-\d{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?$/.exec(text ?? '')?.[1]
  return day !== undefined && isDay(day) ? day : undefined
}

/** Whether a text is a day of the calendar from year 1 to 9999. */
export function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text) && !text.startsWith('0000')
}
