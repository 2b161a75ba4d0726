import type { FieldSchema } from '../schema.ts'
import { single } from '../schema.ts'
import { read } from './context.ts'
import { child, children, type Node, pathOf } from './cst.ts'
import { shifted } from './date-shift.ts'
import {
  boolean,
  compileExpression,
  derived,
  type Expression,
  type ExpressionScope,
  integer,
  isExpression,
  string,
  unevaluated,
} from './expression.ts'
import { aggregateNames, aggregates, keepsType, resultTypes, scalarFunctions } from './functions.ts'
import { binary } from './operators.ts'
import { compare } from './values.ts'

const takesPart = /_(TRUNC|DIFF)$|^LAST_DAY$/
const dateParts = /^(MICROSECOND|MILLISECOND|SECOND|MINUTE|HOUR|DAY|WEEK|ISOWEEK|MONTH|QUARTER|YEAR|ISOYEAR)$/i
/** `IN` a list, an UNNEST or a subquery. */
export function inOperator(node: Node, within: ExpressionScope): Expression {
  const left = compileExpression(child(node, 'left')!, within)
  const right = child(node, 'right')!
  const inverted = child(node, 'not') !== undefined
  const items =
    right.node_type === 'GroupedExprs'
      ? children(right, 'exprs').map((item) => compileExpression(item, within))
      : right.node_type === 'CallingUnnest'
        ? children(right, 'args').map((item) => compileExpression(item, within))
        : undefined
  if (!items) {
    const statement = child(right, 'stmt') ?? children(right, 'exprs')[0] ?? right
    const relation = within.compileQuery(statement, within.context, within.scope)
    read(relation.columns)
    return {
      ...derived([left], () => ({ field: boolean, value: null })),
      constant: false,
      value: (row) => {
        const value = left.value(row)
        const found = [...relation.rows()].some(([item]) => compare(item ?? null, value, left.field.type) === 0)
        return value === null ? null : String(found !== inverted)
      },
    }
  }
  return derived([left, ...items], ([value, ...candidates]) => {
    const all = candidates.flatMap((item) =>
      Array.isArray(item.value) ? item.value.map(({ v }) => ({ field: single(item.field), value: v })) : [item],
    )
    if (value!.value === null) return { field: boolean, value: null }
    const found = all.some((item) => binary('=', [value!, item]).value === 'true')
    return { field: boolean, value: String(found !== inverted) }
  })
}

/** A call of a function. */
export function call(node: Node, within: ExpressionScope): Expression {
  const name = pathOf(child(node, 'func'))?.at(-1)?.toUpperCase() ?? ''
  const nodes = children(node, 'args')
  const over = child(node, 'over')
  if (name === 'COUNT' && nodes[0]?.node_type === 'Asterisk' && !over)
    return {
      field: integer,
      refs: [],
      constant: false,
      aggregate: true,
      value: (_, group) => String(group?.length ?? 0),
    }
  if (name === 'EXISTS' || name === 'ARRAY') return overSubquery(name, nodes[0]!, within)
  const args = nodes
    .filter((item) => isExpression(item) && !(takesPart.test(name) && dateParts.test(item.token?.literal ?? '')))
    .map((item) => compileExpression(item, within))
  const [first] = args
  if (name === 'CAST' || name === 'SAFE_CAST') return first!
  const field = { ...typeOf(name, args), name: '' }
  if (over) {
    const windowed = [child(over, 'window') ?? over].flatMap((window) => [
      ...children(child(window, 'partitionby'), 'exprs'),
      ...children(child(window, 'orderby'), 'exprs'),
    ])
    return unevaluated([...args, ...windowed.map((item) => compileExpression(item, within))], field)
  }
  const aggregate = aggregates[name]
  if (aggregate && first && !child(node, 'distinct'))
    return {
      field: { ...field, name: '' },
      refs: args.flatMap(({ refs }) => refs),
      constant: false,
      aggregate: true,
      value: (_, group) =>
        aggregate(
          (group ?? []).map((row) => first.value(row)),
          first.field.type,
        ),
    }
  const known = scalarFunctions[name]
  if (known) return derived(args, (values) => ({ field, value: values.length < args.length ? null : known(values) }))
  if (/^(DATE|TIMESTAMP|DATETIME)_(ADD|SUB)$/.test(name)) return shifted(name, args, nodes, within)
  const array = name === 'ARRAY_AGG' || name === 'GENERATE_ARRAY'
  const result = array ? { ...(first?.field ?? integer), mode: 'REPEATED' } : field
  return unevaluated(args, result, aggregateNames.has(name))
}

function typeOf(name: string, args: readonly Expression[]): FieldSchema {
  const [first, second] = args
  if (name === 'IF') return second?.field ?? string
  if (keepsType.has(name) && first) return first.field
  return { ...string, type: resultTypes[name] ?? 'STRING' }
}

/** EXISTS needs no values of its subquery, whatever that selects; ARRAY needs them all. */
function overSubquery(name: string, node: Node, within: ExpressionScope): Expression {
  const statement = child(node, 'stmt') ?? node
  const relation = within.compileQuery(statement, within.context, within.scope)
  if (name === 'ARRAY') read(relation.columns)
  const element = relation.columns[0]?.field ?? string
  const made = unevaluated([], name === 'ARRAY' ? { ...element, mode: 'REPEATED' } : boolean)
  return {
    ...made,
    value: () => {
      const rows = [...relation.rows()]
      return name === 'ARRAY' ? rows.map(([v = null]) => ({ v })) : String(rows.length > 0)
    },
  }
}
