import { ApiError, invalidQuery } from '../api-error.ts'
import { type FieldSchema, restTypeName, single, type Value } from '../schema.ts'
import { call, inOperator } from './call.ts'
import { read, type StatementContext, type Typed } from './context.ts'
import { child, children, keyword, type Node, pathOf, place } from './cst.ts'
import { literalOf } from './literal.ts'
import { binary, cast, not } from './operators.ts'
import type { Ref } from './scan.ts'
import { resolvePath, type Scope } from './scope.ts'

/** A compiled expression. */
export interface Expression {
  readonly field: FieldSchema
  readonly refs: readonly Ref[]
  readonly direct?: readonly Ref[]
  /** The same for every row, without reading a table. */
  readonly constant: boolean
  readonly aggregate: boolean
  /** @param group all rows of the group, for aggregates. @throws ApiError notImplemented */
  value(row: readonly Value[], group?: readonly (readonly Value[])[]): Value
}

/** Compiles subqueries; given by the module that compiles SELECT. */
export type CompileQuery = (node: Node, context: StatementContext, outer?: Scope) => import('./scan.ts').Relation

/** What an expression is compiled in. */
export interface ExpressionScope {
  readonly context: StatementContext
  readonly scope: Scope
  readonly compileQuery: CompileQuery
}

/** @throws ApiError invalidQuery for unknown names */
export function compileExpression(node: Node, within: ExpressionScope): Expression {
  const inner = (part: Node | undefined): Expression => compileExpression(part!, within)
  switch (node.node_type) {
    case 'Parameter':
      return parameter(node, within)
    case 'Identifier':
    case 'DotOperator': {
      const found = resolvePath(pathOf(node), within.scope)
      if (found) return found
      const path = pathOf(node)
      const variable = path?.length === 1 ? within.context.variables.get(path[0]!.toLowerCase()) : undefined
      if (variable) return constant(variable)
      const left = child(node, 'left')
      if (left?.node_type === 'Parameter' && left.token!.literal.startsWith('@@')) return unevaluated([], string)
      if (left && !pathOf(left)) return fieldAccess(inner(left), child(node, 'right')!)
      throw invalidQuery(`Unrecognized name: ${path?.join('.') ?? ''} at ${place(leftmost(node))}`)
    }
    case 'GroupedExpr':
      return inner(child(node, 'expr'))
    case 'GroupedStatement':
      return subquery(child(node, 'stmt')!, within)
    case 'BinaryOperator':
      return derived(sides(child(node, 'left')!, child(node, 'right')!, within), (args) =>
        binary(keyword(node), args, child(node, 'not') !== undefined),
      )
    case 'UnaryOperator': {
      const typed = literalOf(node)
      if (typed) return constant(typed)
      const operand = inner(child(node, 'right'))
      if (keyword(node) !== 'NOT') return derived([operand], ([value]) => negated(value!))
      return derived([operand], ([value]) => ({ field: boolean, value: not(value!.value) }))
    }
    case 'BetweenOperator': {
      const [value, low] = sides(child(node, 'left')!, child(node, 'right_min')!, within)
      const [, high] = sides(child(node, 'left')!, child(node, 'right_max')!, within)
      const parts = [value!, low!, high!]
      const inverted = child(node, 'not') !== undefined
      return derived(parts, ([value, low, high]) => {
        const above = binary('>=', [value!, low!]).value
        const below = binary('<=', [value!, high!]).value
        const within = above === null || below === null ? null : String(above === 'true' && below === 'true')
        return { field: boolean, value: inverted ? not(within) : within }
      })
    }
    case 'InOperator':
      return inOperator(node, within)
    case 'CallingFunction':
      return call(node, within)
    case 'CastArgument': {
      const type = restTypeName(keyword(child(node, 'cast_to')))
      return derived([inner(child(node, 'cast_from'))], ([value]) => cast(value!, type))
    }
    case 'IntervalLiteral':
      return { ...unevaluated([inner(child(node, 'expr'))], { ...string, type: 'INTERVAL' }), constant: false }
    case 'ExtractArgument':
      return inner(child(node, 'extract_from'))
    case 'CaseExpr':
      return caseExpression(node, within)
    case 'ArrayLiteral': {
      const items = children(node, 'exprs').map(inner)
      return derived(items, (values) => ({
        field: { ...(values[0]?.field ?? integer), mode: 'REPEATED' },
        value: values.map(({ value }) => ({ v: value })),
      }))
    }
    case 'StructLiteral': {
      const items = children(node, 'exprs').map((item) => ({ name: aliasOf(item) ?? '', made: inner(item) }))
      return derived(
        items.map(({ made }) => made),
        (values) => ({
          field: {
            name: '',
            type: 'RECORD',
            mode: 'NULLABLE',
            fields: values.map(({ field }, index) => ({ ...field, name: items[index]!.name })),
          },
          value: { f: values.map(({ value }) => ({ v: value })) },
        }),
      )
    }
    case 'AccessOperator': {
      const list = inner(child(node, 'left'))
      return { ...unevaluated([list], single(list.field)), constant: false }
    }
    case 'SelectStatement':
      return subquery(node, within)
    default: {
      const literal = literalOf(node)
      if (literal) return constant(literal)
      const parts = Object.values(node.children).flatMap((entry) =>
        [entry?.Node, ...(entry?.NodeVec ?? [])].filter((part) => part && isExpression(part)),
      )
      return unevaluated(parts.map(inner), string)
    }
  }
}

/** What is assigned to a column: a parameter without a value has the column's type. */
export function compileAssigned(node: Node, within: ExpressionScope, column: FieldSchema): Expression {
  return node.node_type === 'Parameter' ? parameter(node, within, column) : compileExpression(node, within)
}

/** A parameter; one without a value has the type of what it is compared with. */
function parameter(node: Node, { context }: ExpressionScope, like: FieldSchema = integer): Expression {
  if (node.token!.literal.startsWith('@@')) return unevaluated([], string)
  const typed = context.parameter(node)
  if (typed) return constant(typed)
  context.undeclare(node, like.type)
  return unevaluated([], like)
}

/** Both sides of a comparison. */
function sides(left: Node, right: Node, within: ExpressionScope): Expression[] {
  if (left.node_type === 'Parameter') {
    const other = compileExpression(right, within)
    return [parameter(left, within, other.field), other]
  }
  const first = compileExpression(left, within)
  if (right.node_type === 'Parameter') return [first, parameter(right, within, first.field)]
  return [first, compileExpression(right, within)]
}

/** Alias that stands behind an expression. */
export function aliasOf(node: Node): string | undefined {
  return pathOf(child(node, 'alias'))?.[0]
}

export const boolean: FieldSchema = { name: '', type: 'BOOLEAN', mode: 'NULLABLE' }
export const integer: FieldSchema = { name: '', type: 'INTEGER', mode: 'NULLABLE' }
export const string: FieldSchema = { name: '', type: 'STRING', mode: 'NULLABLE' }

function constant({ field, value }: { field: FieldSchema; value: Value }): Expression {
  return { field, refs: [], constant: true, aggregate: false, value: () => value }
}

/** An expression of others. Its type is taken from nulls, as a dry run must know it. */
export function derived(parts: readonly Expression[], make: (values: readonly Typed[]) => Typed): Expression {
  const nulls = parts.map(({ field }) => ({ field, value: field.mode === 'REPEATED' ? [] : null }))
  return {
    field: { ...make(nulls).field, name: '' },
    refs: parts.flatMap(({ refs }) => refs),
    constant: parts.every((part) => part.constant),
    aggregate: parts.some((part) => part.aggregate),
    value: (row, group) => make(parts.map(({ field, value }) => ({ field, value: value(row, group) }))).value,
  }
}

/** An expression that only canned answers can evaluate; its columns are known all the same. */
export function unevaluated(parts: readonly Expression[], field: FieldSchema, aggregate = false): Expression {
  return {
    field: { ...field, name: '' },
    refs: parts.flatMap(({ refs }) => refs),
    constant: false,
    aggregate: aggregate || parts.some((part) => part.aggregate),
    value: () => {
      throw new ApiError(501, 'notImplemented', 'The stand-in needs a canned answer for this statement')
    },
  }
}

function fieldAccess(left: Expression, right: Node): Expression {
  const name = pathOf(right)?.[0] ?? ''
  const index = left.field.fields?.findIndex((field) => field.name.toLowerCase() === name.toLowerCase()) ?? -1
  if (index < 0) throw invalidQuery(`Field name ${name} does not exist in ${left.field.type} at ${place(right)}`)
  return {
    ...left,
    field: left.field.fields![index]!,
    value: (row, group) => {
      const value = left.value(row, group)
      return value !== null && typeof value === 'object' && 'f' in value ? value.f[index]!.v : null
    },
  }
}

function negated({ field, value }: Typed): Typed {
  return { field, value: value === null ? null : String(value).startsWith('-') ? String(value).slice(1) : `-${value}` }
}

function caseExpression(node: Node, within: ExpressionScope): Expression {
  const parts = children(node, 'arms').flatMap((arm) =>
    ['expr', 'result'].flatMap((name) => {
      const part = child(arm, name)
      return part ? [{ name, made: compileExpression(part, within) }] : []
    }),
  )
  const operand = child(node, 'expr')
  const all = parts.map(({ made }) => made).concat(operand ? [compileExpression(operand, within)] : [])
  return unevaluated(all, parts.find(({ name }) => name === 'result')?.made.field ?? string)
}

function subquery(statement: Node, within: ExpressionScope): Expression {
  const relation = within.compileQuery(statement, within.context, within.scope)
  read(relation.columns)
  const field = relation.columns[0]?.field ?? string
  return {
    field,
    refs: [],
    constant: false,
    aggregate: false,
    value: () => [...relation.rows()][0]?.[0] ?? null,
  }
}

const noExpressions = new Set(['Keyword', 'Symbol', 'Comment', 'Type', 'ExtractPart', 'EOF'])

/** Whether a node can stand for a value. */
export function isExpression({ node_type }: { readonly node_type: string }): boolean {
  return !noExpressions.has(node_type)
}

function leftmost(node: Node): Node {
  const left = child(node, 'left')
  return left ? leftmost(left) : node
}
