import type { TableFacts } from '../../../../query/billing/source-cost.ts'
import type { Edit } from '../../suggestion.ts'
import { isConstant } from '../../syntax/columns.ts'
import { quoted } from '../../syntax/names.ts'
import type { Relation, Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, isVolatile, mentions, type RuleInput } from '../rule.ts'
import type { RangeType } from './period.ts'

/** The column by which a table is partitioned. */
export interface PartitionColumn {
  /** As it is written in a statement. */
  readonly name: string
  /** Names under which a statement may use it, in lower case. */
  readonly names: readonly string[]
  /** Undefined for partitions by ranges of integers. */
  readonly type: RangeType | undefined
}

/** The partition column of a table; undefined if it has none. */
export function partitionColumnOf(facts: TableFacts | undefined): PartitionColumn | undefined {
  const name = facts?.partitionColumn
  if (name === undefined) return undefined
  const lower = name.toLowerCase()
  const type = facts?.partitionType?.toUpperCase()
  if (lower === '_partitiontime')
    return { name: '_PARTITIONTIME', names: ['_partitiontime', '_partitiondate'], type: 'TIMESTAMP' }
  const known = type === 'DATE' || type === 'TIMESTAMP' || type === 'DATETIME' ? type : undefined
  return { name: quoted(name), names: [lower], type: known }
}

/** How a condition uses a column. */
export type ConditionKind =
  /** Compares the column itself with constants: the engine can skip partitions. */
  | 'constant'
  /** Compares the column with a query, or with other columns. */
  | 'dynamic'
  /** Uses the column only within an expression. */
  | 'wrapped'
  | 'none'

/** How a condition uses these columns of a relation. */
export function conditionKind(
  input: RuleInput,
  condition: SqlNode,
  columns: readonly string[],
  relation: Relation,
  select: Select,
): ConditionKind {
  const inner = condition.type === 'GroupedExpr' ? (condition.one('expr') ?? condition) : condition
  if (!mentions(inner, columns)) return 'none'
  if (isVolatile(inner)) return 'dynamic'
  const isBare = (node: SqlNode | undefined) => isColumn(input, node, columns, relation, select)
  const [left, right] = [inner.one('left'), inner.one('right')]
  switch (inner.type) {
    case 'BetweenOperator':
      if (!isBare(left)) return 'wrapped'
      return [inner.one('right_min'), inner.one('right_max')].every((each) => each && isConstant(each))
        ? 'constant'
        : 'dynamic'
    case 'InOperator':
      if (!isBare(left)) return 'wrapped'
      return right && isConstant(right) ? 'constant' : 'dynamic'
    case 'BinaryOperator': {
      const word = inner.word
      if ((word === 'OR' || word === 'AND') && left && right) {
        const kinds = [left, right].map((each) => conditionKind(input, each, columns, relation, select))
        if (word === 'AND') return kinds.find((kind) => kind === 'constant') ?? kinds.find((kind) => kind !== 'none')!
        return kinds.every((kind) => kind === 'constant') ? 'constant' : 'wrapped'
      }
      const other = isBare(left) ? right : isBare(right) ? left : undefined
      if (!other) return 'wrapped'
      return isConstant(other) ? 'constant' : 'dynamic'
    }
    default:
      return 'wrapped'
  }
}

/** Adds a condition to the WHERE clause of a SELECT, or to the ON clause that guards an optional relation; undefined if there is no place for it. */
export function addCondition(select: Select, condition: string): readonly Edit[] {
  const { where, endOfFrom } = select
  if (!where) return [{ start: endOfFrom, end: endOfFrom, text: ` WHERE ${condition}` }]
  const isOr = where.type === 'BinaryOperator' && where.word === 'OR'
  if (!isOr) return [{ start: where.end, end: where.end, text: ` AND ${condition}` }]
  return [
    { start: where.start, end: where.start, text: '(' },
    { start: where.end, end: where.end, text: `) AND ${condition}` },
  ]
}

/** A column of a relation as it must be written in its SELECT. */
export function qualified(column: string, relation: Relation, select: Select): string {
  if (select.relations.length === 1 || relation.writtenName === undefined) return column
  return `${quoted(relation.writtenName)}.${column}`
}

/** A day as text, some days before a moment. */
export function dayBefore(now: number, days: number): string {
  return new Date(now - days * 86_400_000).toISOString().slice(0, 10)
}
