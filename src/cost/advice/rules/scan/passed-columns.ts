import { aliasOf, functionName, pathOf } from '../../syntax/names.ts'
import { aggregates, type Relation, type Select, unwrapped } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, type RuleInput } from '../rule.ts'
import { type ConditionKind, conditionKind } from './conditions.ts'

/** A condition of an outer query on a column that an inner query passes on. */
export interface OuterCondition {
  readonly condition: SqlNode
  readonly kind: ConditionKind
  /** The names that the outer query may use, in lower case. */
  readonly names: readonly string[]
  readonly relation: Relation
  readonly select: Select
}

/**
 * Conditions that outer queries put on a column that a SELECT reads from a relation and passes on unchanged, where a condition
 * in the inner query would return the same rows. If the inner query is read several times, only if each reader has a condition.
 */
export function outerConditions(
  input: RuleInput,
  relation: Relation,
  select: Select,
  columns: readonly string[],
): readonly OuterCondition[] {
  const found: OuterCondition[] = []
  let [at, from, names] = [select, relation, columns]
  for (let depth = 0; depth < 8; depth++) {
    if (at.kind !== 'select' || !canPass(input, at, from, names)) return found
    const passed = passedNames(input, at, from, names)
    const readers = passed.length > 0 ? input.used.readersOf(at.node) : []
    if (readers.length !== 1) return found
    const reader = readers[0]!
    if (reader.relation.optional) return found
    for (const condition of reader.select.conjuncts) {
      const kind = conditionKind(input, condition, passed, reader.relation, reader.select)
      if (kind !== 'none') found.push({ condition, kind, names: passed, ...reader })
    }
    ;[at, from, names] = [reader.select, reader.relation, passed]
  }
  return found
}

/** Whether a condition on the column could as well stand inside of the SELECT. */
function canPass(input: RuleInput, select: Select, relation: Relation, columns: readonly string[]): boolean {
  const { node } = select
  if (node.one('limit') || relation.optional || unwrapped(node) !== node) return false
  const isIt = (each: SqlNode | undefined) => isColumn(input, each, columns, relation, select)
  if (aggregates(select)) {
    const keys = node.one('groupby')?.many('exprs') ?? []
    const ordinals = keys.map((key) => (/^\d+$/.test(key.token) ? select.items[Number(key.token) - 1] : key))
    if (!ordinals.some(isIt)) return false
  }
  const windows = [...node.walk()].filter(({ type }) => type === 'OverClause' || type === 'WindowSpecification')
  return windows.every((window) => {
    if (window.type === 'OverClause') return window.one('window')?.type === 'WindowSpecification'
    return (window.one('partitionby')?.many('exprs') ?? []).some(isIt)
  })
}

/** The names under which a SELECT passes on a column, in lower case. */
function passedNames(
  input: RuleInput,
  select: Select,
  relation: Relation,
  columns: readonly string[],
): readonly string[] {
  const names = new Set<string>()
  for (const item of select.items) {
    const isStar = item.type === 'Asterisk' || item.one('right')?.type === 'Asterisk'
    if (isStar) {
      const star = item.type === 'Asterisk' ? item : item.one('right')!
      const owner = item.type === 'Asterisk' ? undefined : pathOf(item.one('left'))?.join('.').toLowerCase()
      if (star.one('except') || star.one('replace')) continue
      if (owner === relation.name || (owner === undefined && select.relations.length === 1))
        // Pseudo-columns are not part of a star.
        for (const name of columns) if (!name.startsWith('_partition') && name !== '_table_suffix') names.add(name)
    } else if (functionName(item) === undefined && isColumn(input, item, columns, relation, select))
      names.add((aliasOf(item) ?? pathOf(item)!.at(-1)!).toLowerCase())
  }
  return [...names]
}
