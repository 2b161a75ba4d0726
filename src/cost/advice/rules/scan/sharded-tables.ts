import type { Edit, Suggestion } from '../../suggestion.ts'
import { columnUses } from '../../syntax/columns.ts'
import { stringValue } from '../../syntax/literals.ts'
import type { Relation, Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, type RuleInput, tableName } from '../rule.ts'
import { addCondition, conditionKind, dayBefore, qualified } from './conditions.ts'
import { dayLiteral, turnAround } from './turn-around.ts'
import { shortened } from './wrapped-partition-filter.ts'

const suffix = ['_table_suffix']

/**
 * Wildcard tables such as `events_*`: a missing condition on `_TABLE_SUFFIX`, one that compares it with a query or hides it in an
 * expression, and one that a longer prefix could replace. BigQuery: "Use the most granular prefix", "Limit query execution using
 * _TABLE_SUFFIX" (docs/querying-wildcard-tables), "Use partitioned instead of sharded tables" (docs/best-practices-performance-compute).
 */
export function* shardedTables(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects)
    for (const relation of select.relations) {
      if (relation.kind !== 'table' || !relation.path.at(-1)!.endsWith('*')) continue
      const conditions = select.conjuncts.map((condition) => ({
        condition,
        kind: conditionKind(input, condition, suffix, relation, select),
      }))
      const used = conditions.filter(({ kind }) => kind !== 'none')
      if (used.length === 0) {
        yield withoutCondition(input, relation, select)
        continue
      }
      for (const { condition, kind } of used) {
        const shown = shortened(condition.textIn(input.text))
        if (kind === 'dynamic')
          yield {
            rule: 'sharded_tables',
            message: `The condition ${shown} compares _TABLE_SUFFIX with a query or a column, so BigQuery reads all tables ${tableName(relation)}. Run the query first and write its value as a constant.`,
            result: 'same',
            saves: 'bytes',
          }
        else if (kind === 'wrapped') {
          const range = turnAround(condition, 'SUFFIX', input.text, (node) =>
            isColumn(input, node, suffix, relation, select),
          )
          yield {
            rule: 'sharded_tables',
            message: `The condition ${shown} hides _TABLE_SUFFIX in an expression. Compare _TABLE_SUFFIX itself with constants${range ? `: ${range}` : ''}.`,
            ...(range && { edits: [{ start: condition.start, end: condition.end, text: range }] }),
            result: 'same',
            saves: 'bytes',
          }
        } else if (used.length === 1) yield* narrowerPrefix(input, condition, relation, select)
      }
    }
}

function withoutCondition(input: RuleInput, relation: Relation, select: Select): Suggestion {
  const day = dayLiteral(dayBefore(input.now, 30), 'SUFFIX')
  const hasDays = /[_a-z]\*$/i.test(relation.path.at(-1)!) && !relation.optional
  return {
    rule: 'sharded_tables',
    message: `The statement reads all tables ${tableName(relation)}: add a condition on _TABLE_SUFFIX, or use a longer prefix. One partitioned table instead of a table for each day is faster and needs no suffix.`,
    ...(hasDays && {
      example: 'As an example, this reads only the last 30 days.',
      edits: addCondition(select, `${qualified('_TABLE_SUFFIX', relation, select)} >= ${day}`),
    }),
    result: 'example',
    saves: 'bytes',
  }
}

/** `t_*` with a constant suffix becomes the table itself, or a longer prefix. */
function* narrowerPrefix(
  input: RuleInput,
  condition: SqlNode,
  relation: Relation,
  select: Select,
): Generator<Suggestion> {
  const uses = columnUses(select.node).filter(({ path }) => path.at(-1) === '_table_suffix')
  const constants = [...condition.walk()].filter(({ type }) => type === 'StringLiteral')
  const values = constants.map(stringValue)
  if (uses.length !== 1 || values.some((value) => value === undefined || !/^\w*%?$/.test(value))) return
  const star = input.text.lastIndexOf('*', relation.endOfPath)
  if (star < relation.node.start) return
  const edit = (start: number, end: number, text: string): Edit => ({ start, end, text })
  let edits: readonly Edit[] | undefined
  let name = ''
  if (condition.type === 'BinaryOperator' && condition.token === '=' && values.length === 1) {
    name = values[0]!
    edits = [edit(star, star + 1, name), edit(condition.start, condition.end, 'TRUE')]
  } else if (condition.type === 'BinaryOperator' && condition.word === 'LIKE' && /^\w+%$/.test(values[0] ?? '')) {
    // An underscore stands for any character in LIKE.
    if (values[0]!.includes('_')) return
    name = `${values[0]!.slice(0, -1)}*`
    edits = [edit(star, star + 1, name), edit(condition.start, condition.end, 'TRUE')]
  } else if (condition.type === 'BetweenOperator' && values.length === 2) {
    const [low, high] = values as [string, string]
    let length = 0
    while (length < Math.min(low.length, high.length) && low[length] === high[length]) length++
    if (length === 0) return
    name = `${low.slice(0, length)}*`
    edits = [
      edit(star, star + 1, name),
      ...constants.map((node, index) => edit(node.start, node.end, `'${values[index]!.slice(length)}'`)),
    ]
  }
  if (edits)
    yield {
      rule: 'sharded_tables',
      message: `Name the tables by a longer prefix: ${tableName(relation).slice(0, -1)}${name} instead of ${tableName(relation)}. BigQuery then has fewer tables to look at.`,
      edits,
      result: 'same',
      saves: 'compute',
    }
}
