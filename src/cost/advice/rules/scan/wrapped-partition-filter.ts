import type { Suggestion } from '../../suggestion.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, type RuleInput, tableName } from '../rule.ts'
import { conditionKind, partitionColumnOf } from './conditions.ts'
import { periodExpression } from './period.ts'
import { turnAround } from './turn-around.ts'

/**
 * A condition on an expression of the partition column, such as `DATE(ts) = ...` or `FORMAT_DATE('%Y-%m', d) = ...`, where the engine
 * may read all partitions. The rewrite is a range on the column itself. BigQuery: "Isolate the partition column in your filter"
 * (docs/querying-partitioned-tables, "Best practices for partition pruning").
 */
export function* wrappedPartitionFilter(input: RuleInput): Generator<Suggestion> {
  const { statement, text } = input
  for (const select of statement.selects)
    for (const relation of select.relations) {
      const column = partitionColumnOf(input.factsOf(relation))
      if (!column) continue
      const conditions = select.joins
        .filter(({ type }) => type === 'INNER')
        .flatMap(({ conjuncts }) => conjuncts)
        .concat(select.conjuncts)
      for (const condition of conditions) {
        if (conditionKind(input, condition, column.names, relation, select) !== 'wrapped') continue
        const range =
          column.type &&
          turnAround(condition, column.type, text, (node) => isColumn(input, node, column.names, relation, select))
        const message = `The condition ${shortened(condition.textIn(text))} hides the partition column ${column.name} of ${tableName(relation)} in an expression.`
        if (range)
          yield {
            rule: 'wrapped_partition_filter',
            message: `${message} Compare the column itself: ${range}.`,
            edits: [{ start: condition.start, end: condition.end, text: range }],
            result: 'same',
            saves: 'bytes',
          }
        else if (isHidden(condition, conditions))
          yield {
            rule: 'wrapped_partition_filter',
            message: `${message} Compare the column itself with constants, so that BigQuery reads only the partitions that match.`,
            result: 'same',
            saves: 'bytes',
          }
      }

      /** Whether BigQuery certainly cannot use a condition, and no other one limits the partitions. */
      function isHidden(condition: SqlNode, all: readonly SqlNode[]): boolean {
        if (all.some((each) => conditionKind(input, each, column!.names, relation, select) === 'constant')) return false
        const operands = [condition.one('left'), condition.one('right')]
        const isComparison = /^(?:BinaryOperator|BetweenOperator|InOperator)$/.test(condition.type)
        if (!isComparison || condition.word === 'OR') return false
        return operands.every((each) => !each || !column!.type || !periodExpression(each, column!.type)?.isDate)
      }
    }
}

/** A part of a statement in a message. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 77)}...` : line
}
