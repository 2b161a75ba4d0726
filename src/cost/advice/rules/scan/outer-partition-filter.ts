import type { Suggestion } from '../../suggestion.ts'
import { pathOf } from '../../syntax/names.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, type RuleInput, tableName } from '../rule.ts'
import { addCondition, conditionKind, partitionColumnOf, qualified } from './conditions.ts'
import { outerConditions } from './passed-columns.ts'
import { turnAround } from './turn-around.ts'
import { shortened } from './wrapped-partition-filter.ts'

/**
 * A condition on the partition column that stands outside of the query that reads the table, where BigQuery may not move it in:
 * behind window functions and groupings, or within an expression. The rewrite repeats it inside. BigQuery: "Use a constant filter
 * expression" and "Reduce data before using a JOIN" (docs/querying-partitioned-tables, docs/best-practices-performance-compute).
 */
export function* outerPartitionFilter(input: RuleInput): Generator<Suggestion> {
  const { text } = input
  for (const select of input.statement.selects)
    for (const relation of select.relations) {
      const column = partitionColumnOf(input.factsOf(relation))
      if (!column) continue
      const has = select.conjuncts.some((each) => conditionKind(input, each, column.names, relation, select) !== 'none')
      if (has) continue
      const inside = qualified(column.name, relation, select)
      const conditions: string[] = []
      for (const outer of outerConditions(input, relation, select, column.names)) {
        const isIt = (node: SqlNode) => isColumn(input, node, outer.names, outer.relation, outer.select)
        if (outer.kind === 'constant') conditions.push(renamed(outer.condition, text, isIt, inside))
        else if (outer.kind === 'wrapped' && column.type) {
          const range = turnAround(outer.condition, column.type, text, isIt)
          // The range names the outer column, which is the first word of each of its comparisons.
          if (range)
            conditions.push(
              range
                .split(' AND ')
                .map((part) => part.replace(/^\S+/, () => inside))
                .join(' AND '),
            )
        }
      }
      if (conditions.length === 0 || conditions.some((condition) => condition.includes('?'))) continue
      const condition = conditions.join(' AND ')
      yield {
        rule: 'outer_partition_filter',
        message: `The condition on the partition column ${column.name} of ${tableName(relation)} stands outside of the query that reads the table. Repeat it inside: ${shortened(condition)}.`,
        edits: addCondition(select, condition),
        result: 'same',
        saves: 'bytes',
      }
    }
}

/** A condition with another name for a column. */
function renamed(condition: SqlNode, text: string, isColumn: (node: SqlNode) => boolean, name: string): string {
  let result = ''
  let at = condition.start
  for (const node of condition.walk()) {
    if (node.start < at || !pathOf(node) || !isColumn(node)) continue
    result += text.slice(at, node.start) + name
    at = node.end
  }
  const whole = result + text.slice(at, condition.end)
  return condition.type === 'BinaryOperator' && condition.word === 'OR' ? `(${whole})` : whole
}
