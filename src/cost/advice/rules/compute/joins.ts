import type { Suggestion } from '../../suggestion.ts'
import { columnUses } from '../../syntax/columns.ts'
import { pathOf } from '../../syntax/names.ts'
import type { Join, Relation, Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { type RuleInput, tableName } from '../rule.ts'
import { shortened } from '../scan/wrapped-partition-filter.ts'

/**
 * Joins without a condition, of a table with itself, and on keys that are not INT64. BigQuery: "Avoid joins that generate more
 * outputs than inputs", "Avoid self-joins", "Use INT64 data types in joins" (docs/best-practices-performance-compute).
 */
export function* joins(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects) {
    for (const join of select.joins) {
      if (!join.conditional && isUnconditional(join, select))
        yield {
          rule: 'cross_join',
          message: `The join of ${namesOf(select)} has no condition and returns every pair of rows: add a join condition, or aggregate before the join.`,
          result: 'same',
          saves: 'compute',
        }
      for (const condition of join.conjuncts) yield* keyTypes(input, condition, select)
    }
    yield* selfJoins(select)
  }
}

function namesOf({ relations }: Select): string {
  return relations.map(({ writtenName, path }) => path.join('.') || (writtenName ?? 'a subquery')).join(', ')
}

/** Whether no condition of WHERE compares the sides of a join. */
function isUnconditional(join: Join, select: Select): boolean {
  if (join.type.includes('NATURAL')) return false
  const right = join.node.one('right')!
  const within = select.relations.filter(({ node }) => right.start <= node.start && node.end <= right.end)
  if (within.some(({ kind }) => kind === 'other')) return false
  return !select.conjuncts.some((condition) => {
    const owners = new Set(columnUses(condition).map(({ path }) => (path.length > 1 ? path[0] : undefined)))
    // An unqualified column may belong to either side.
    return owners.size > 1 || owners.has(undefined)
  })
}

function* selfJoins(select: Select): Generator<Suggestion> {
  const seen = new Map<string, Relation>()
  for (const relation of select.relations) {
    if (relation.kind !== 'table') continue
    const name = tableName(relation)
    if (seen.has(name)) {
      yield {
        rule: 'self_join',
        message: `The statement joins ${name} with itself: a window function (LAG, SUM(...) OVER ...) or PIVOT reads it once.`,
        result: 'same',
        saves: 'compute',
      }
      return
    }
    seen.set(name, relation)
  }
}

/** An equality of text columns, or of a number that is cast to a text. */
function* keyTypes(input: RuleInput, condition: SqlNode, select: Select): Generator<Suggestion> {
  if (condition.type !== 'BinaryOperator' || condition.token !== '=') return
  const types = [condition.one('left'), condition.one('right')].map((side) => {
    const path = pathOf(side)
    if (path?.length !== 2) return undefined
    const relation = select.relations.find(({ name }) => name === path[0]!.toLowerCase())
    const facts = relation && input.factsOf(relation)
    return facts?.columns.find(({ name }) => name.toLowerCase() === path[1]!.toLowerCase())?.type.toUpperCase()
  })
  if (types.every((type) => type === 'STRING'))
    yield {
      rule: 'join_key_type',
      message: `The join compares texts (${shortened(condition.textIn(input.text))}): keys of the type INT64 join faster.`,
      result: 'same',
      saves: 'compute',
    }
}
