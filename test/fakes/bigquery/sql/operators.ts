import type { FieldSchema, Value } from '../schema.ts'
import type { Typed } from './context.ts'
import { dateOf } from './functions.ts'
import { compare, wireValue } from './values.ts'

const boolean: FieldSchema = { name: '', type: 'BOOLEAN', mode: 'NULLABLE' }
const ranks = ['STRING', 'INTEGER', 'NUMERIC', 'BIGNUMERIC', 'FLOAT']

/** SQL's NOT. */
export function not(value: Value): Value {
  return value === null ? null : String(value !== 'true')
}

/** The result of a binary operator, NULL by SQL's three values. @param inverted `IS NOT`, `NOT LIKE` */
export function binary(operator: string, [left, right]: readonly Typed[], inverted = false): Typed {
  const [a, b] = [left!, right!]
  const truth = (value: Value): Typed => ({ field: boolean, value: inverted ? not(value) : value })
  switch (operator) {
    case 'AND':
      return truth(connect(a.value, b.value, 'false', 'true'))
    case 'OR':
      return truth(connect(a.value, b.value, 'true', 'false'))
    case 'IS':
      return truth(String(a.value === b.value))
    case 'LIKE':
      return truth(a.value === null || b.value === null ? null : String(pattern(String(b.value)).test(String(a.value))))
    case '||':
      return { field: a.field, value: a.value === null || b.value === null ? null : `${a.value}${b.value}` }
    case '+':
    case '-':
    case '*':
    case '/':
      return arithmetic(operator, a, b)
    default:
      return truth(compared(operator, a, b))
  }
}

function connect(a: Value, b: Value, decides: string, otherwise: string): Value {
  if (a === decides || b === decides) return decides
  return a === null || b === null ? null : otherwise
}

function compared(operator: string, a: Typed, b: Typed): Value {
  const type = commonType(a.field.type, b.field.type)
  const [left, right] = [asType(a, type), asType(b, type)]
  if (left === null || right === null) return null
  const order = compare(left, right, type)
  switch (operator) {
    case '=':
      return String(order === 0)
    case '!=':
    case '<>':
      return String(order !== 0)
    case '<':
      return String(order < 0)
    case '<=':
      return String(order <= 0)
    case '>':
      return String(order > 0)
    default:
      return String(order >= 0)
  }
}

/** The type in which two values are compared: a literal's text becomes the other side's type. */
function commonType(a: string, b: string): string {
  if (a === b) return a
  const [left, right] = [ranks.indexOf(a), ranks.indexOf(b)]
  if (left >= 0 && right >= 0) return ranks[Math.max(left, right)]!
  if (a === 'TIMESTAMP' || b === 'TIMESTAMP') return 'TIMESTAMP'
  return left >= 0 ? b : a
}

/** The value in another type, as comparisons need it. */
export function asType({ value, field }: Typed, type: string): Value {
  if (value === null || field.type === type || typeof value !== 'string') return value
  return type === 'TIMESTAMP' || field.type === 'STRING' ? wireValue(value, type) : value
}

function arithmetic(operator: string, a: Typed, b: Typed): Typed {
  if (a.field.type === 'DATE' && b.field.type === 'INTEGER') return datePlusDays(operator, a, b)
  const type = operator === '/' ? 'FLOAT' : commonType(a.field.type, b.field.type)
  const field = { ...a.field, name: '', type }
  if (a.value === null || b.value === null) return { field, value: null }
  if (type === 'INTEGER') {
    const [left, right] = [BigInt(a.value as string), BigInt(b.value as string)]
    return { field, value: String(operator === '+' ? left + right : operator === '-' ? left - right : left * right) }
  }
  const [left, right] = [Number(a.value), Number(b.value)]
  const value = { '+': left + right, '-': left - right, '*': left * right }[operator] ?? left / right
  return { field, value: String(value) }
}

function datePlusDays(operator: string, { field, value }: Typed, days: Typed): Typed {
  if (value === null || days.value === null) return { field, value: null }
  const moved = Date.parse(`${value}T00:00:00Z`) + Number(days.value) * 86_400_000 * (operator === '-' ? -1 : 1)
  return { field, value: new Date(moved).toISOString().slice(0, 10) }
}

/** CAST to a type, for the types whose texts are the same. */
export function cast(from: Typed, type: string): Typed {
  const field = { name: '', type, mode: 'NULLABLE' }
  if (from.value === null) return { field, value: null }
  return { field, value: type === 'DATE' ? dateOf(from) : asType(from, type) }
}

function pattern(like: string): RegExp {
  const escaped = like.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('%', '[\\s\\S]*').replaceAll('_', '[\\s\\S]')}$`)
}
