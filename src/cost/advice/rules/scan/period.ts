import { dayValue, integerValue, isDay, stringValue } from '../../syntax/literals.ts'
import { functionName } from '../../syntax/names.ts'
import type { SqlNode } from '../../syntax/tree.ts'

/** Days from `from` to before `to`, as `2024-01-31`. */
export interface Period {
  readonly from: string
  readonly to: string
}

/** Type of a column of days; `SUFFIX` is a text `20240131`. */
export type RangeType = 'DATE' | 'TIMESTAMP' | 'DATETIME' | 'SUFFIX'

type Unit = 'DAY' | 'WEEK' | 'MONTH' | 'QUARTER' | 'YEAR'

/** An expression that maps the days of a column to periods, such as a month, so that it can be compared with a constant. */
export interface PeriodExpression {
  /** The column. */
  readonly column: SqlNode
  readonly unit: Unit
  /** Time zone in which the days are counted, if it is not the default. */
  readonly zone?: string
  /** Whether the values are days (so that any constant expression of the type DATE can be turned around). */
  readonly isDate: boolean
  /** The period that a constant stands for; undefined if it is none. */
  periodOf(constant: SqlNode): Period | undefined
  /** Whether the value is a text without hyphens. */
  readonly isCompact?: boolean
  /** The periods that a prefix of the text stands for, as in LIKE '2024-%'; undefined if the value is no text. */
  periodOfPrefix?(prefix: string): Period | undefined
}

/** Formats of days whose order as text is that of time. */
const formats: Readonly<Record<string, { readonly unit: Unit; readonly digits: RegExp }>> = {
  '%Y-%m-%d': { unit: 'DAY', digits: /^(\d{4})-(\d{2})-(\d{2})$/ },
  '%F': { unit: 'DAY', digits: /^(\d{4})-(\d{2})-(\d{2})$/ },
  '%Y%m%d': { unit: 'DAY', digits: /^(\d{4})(\d{2})(\d{2})$/ },
  '%Y-%m': { unit: 'MONTH', digits: /^(\d{4})-(\d{2})$/ },
  '%Y%m': { unit: 'MONTH', digits: /^(\d{4})(\d{2})$/ },
  '%Y': { unit: 'YEAR', digits: /^(\d{4})$/ },
}

/** Reads an expression that makes periods of one column of a type; undefined if it is none of those. */
export function periodExpression(node: SqlNode, type: RangeType): PeriodExpression | undefined {
  const args = node.many('args')
  const [first, second] = args
  const name = functionName(node)
  if (type === 'SUFFIX') return expressionOfText(node, name, args)
  switch (name) {
    case 'DATE': {
      const zone = second && stringValue(second)
      if (!first || (second && zone === undefined) || args.length > 2) return undefined
      return { ...days(first), ...(zone !== undefined && { zone }) }
    }
    case 'DATETIME':
    case 'TIMESTAMP':
      return first && args.length === 1 && type === 'DATE' ? { ...days(first), isDate: false } : undefined
    case 'CAST':
    case 'SAFE_CAST': {
      const from = first?.one('cast_from')
      const to = first?.one('cast_to')?.word
      if (!from || first?.one('format')) return undefined
      if (to === 'DATE') return days(from)
      if (to === 'STRING') return textOf(from, type)
      return type === 'DATE' && (to === 'DATETIME' || to === 'TIMESTAMP') ? { ...days(from), isDate: false } : undefined
    }
    case 'EXTRACT': {
      const from = first?.one('extract_from')
      const part = first?.one('extract_datepart')?.word
      if (!from || first?.one('at_time_zone')) return undefined
      if (part === 'DATE') return days(from)
      return part === 'YEAR' ? yearOf(from) : undefined
    }
    case 'DATE_TRUNC':
    case 'TIMESTAMP_TRUNC':
    case 'DATETIME_TRUNC': {
      const unit = second?.word
      if (!first || args.length !== 2 || !(unit === 'DAY' || unit === 'MONTH' || unit === 'QUARTER' || unit === 'YEAR'))
        return undefined
      return truncated(first, unit)
    }
    case 'FORMAT_DATE':
    case 'FORMAT_TIMESTAMP':
    case 'FORMAT_DATETIME': {
      const format = stringValue(first)
      return second && args.length === 2 && format !== undefined ? formatted(second, format) : undefined
    }
    case 'SUBSTR':
    case 'SUBSTRING':
    case 'LEFT': {
      const inner = first && periodExpression(first, type)
      const length = integerValue(name === 'LEFT' ? second : args[2])
      if (!inner?.periodOfPrefix || inner.unit !== 'DAY' || (name !== 'LEFT' && integerValue(second) !== 1))
        return undefined
      const format = ({ 4: '%Y', 7: '%Y-%m', 10: '%F' } as const)[length ?? 0]
      return format && !inner.isCompact ? formatted(inner.column, format) : undefined
    }
    default:
      return undefined
  }
}

/** A column as text: `2024-01-31`, for points in time followed by the time of day. */
function textOf(column: SqlNode, type: RangeType): PeriodExpression | undefined {
  const text = formatted(column, '%F')!
  return type === 'DATE' ? text : { ...text, periodOf: () => undefined }
}

/** Expressions of a text `20240131`. */
function expressionOfText(
  node: SqlNode,
  name: string | undefined,
  args: readonly SqlNode[],
): PeriodExpression | undefined {
  const [first, second, third] = args
  // A text that is no day fails in these functions; their safe forms skip it, which a range would not.
  if (name === 'SAFE_CAST' || node.one('func')?.type !== 'Identifier') return undefined
  if (name === 'PARSE_DATE' && stringValue(first) === '%Y%m%d' && second) return days(second)
  if (name === 'CAST' && first?.one('cast_to')?.word === 'INT64' && first.one('cast_from')) {
    const column = first.one('cast_from')!
    const { periodOf } = formatted(column, '%Y%m%d')!
    return { column, unit: 'DAY', isDate: false, periodOf: (constant) => periodOf(constant) }
  }
  const length = name === 'LEFT' ? second : name === 'SUBSTR' && integerValue(second) === 1 ? third : undefined
  if (!first || !length || node.type !== 'CallingFunction') return undefined
  const digits = integerValue(length)
  return digits === 4 ? formatted(first, '%Y') : digits === 6 ? formatted(first, '%Y%m') : undefined
}

function days(column: SqlNode): PeriodExpression {
  return { column, unit: 'DAY', isDate: true, periodOf: (constant) => periodFrom(dayValue(constant), 'DAY') }
}

/** A truncated day; a constant that is no first day of a period is not turned around. */
function truncated(column: SqlNode, unit: Unit): PeriodExpression {
  return {
    column,
    unit,
    isDate: unit === 'DAY',
    periodOf: (constant) => {
      const day = dayValue(constant)
      return day !== undefined && startOf(day, unit) === day ? periodFrom(day, unit) : undefined
    },
  }
}

function yearOf(column: SqlNode): PeriodExpression {
  return {
    column,
    unit: 'YEAR',
    isDate: false,
    periodOf: (constant) => {
      const year = integerValue(constant)
      return year !== undefined && year >= 1000 && year < 9999 ? periodFrom(`${year}-01-01`, 'YEAR') : undefined
    },
  }
}

function formatted(column: SqlNode, format: string): PeriodExpression | undefined {
  const known = formats[format]
  if (!known) return undefined
  const { unit, digits } = known
  const periodOfText = (text: string | undefined) => {
    const match = digits.exec(text ?? '')
    return match ? periodFrom(`${match[1]}-${match[2] ?? '01'}-${match[3] ?? '01'}`, unit) : undefined
  }
  return {
    column,
    unit,
    isDate: false,
    periodOf: (constant) => periodOfText(stringValue(constant) ?? integerValue(constant)?.toString()),
    isCompact: format === '%Y%m%d' || format === '%Y%m',
    periodOfPrefix: (prefix) => {
      const separated = format === '%F' || format.includes('-')
      const match = (
        separated ? /^(\d{4})-?(?:(?<=-)(\d{2})-?(?:(?<=-)(\d{2}))?)?$/ : /^(\d{4})(\d{2})?(\d{2})?$/
      ).exec(prefix)
      if (!match || (match[3] && unit !== 'DAY') || (match[2] && unit === 'YEAR')) return undefined
      const [, year, month = '01', day = '01'] = match
      return periodFrom(`${year}-${month}-${day}`, match[3] ? 'DAY' : match[2] ? 'MONTH' : 'YEAR')
    },
  }
}

function startOf(day: string, unit: Unit): string {
  const month = Number(day.slice(5, 7))
  if (unit === 'YEAR') return `${day.slice(0, 4)}-01-01`
  if (unit === 'QUARTER') return `${day.slice(0, 5)}${String(month - ((month - 1) % 3)).padStart(2, '0')}-01`
  return unit === 'MONTH' ? `${day.slice(0, 7)}-01` : day
}

/** The period of a unit that begins on a day; undefined if the day does not exist, or the calendar ends before the period. */
function periodFrom(day: string | undefined, unit: Unit): Period | undefined {
  if (day === undefined || !isDay(day)) return undefined
  const at = new Date(`${day}T00:00:00Z`)
  if (unit === 'DAY') at.setUTCDate(at.getUTCDate() + 1)
  else if (unit === 'WEEK') at.setUTCDate(at.getUTCDate() + 7)
  else at.setUTCMonth(at.getUTCMonth() + (unit === 'YEAR' ? 12 : unit === 'QUARTER' ? 3 : 1))
  const to = at.toISOString().slice(0, 10)
  return isDay(to) ? { from: day, to } : undefined
}
