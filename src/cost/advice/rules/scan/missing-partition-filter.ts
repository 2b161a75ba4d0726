import type { Suggestion } from '../../suggestion.ts'
import { bytesText, type RuleInput, tableName } from '../rule.ts'
import { addCondition, conditionKind, dayBefore, partitionColumnOf, qualified } from './conditions.ts'
import { outerConditions } from './passed-columns.ts'
import { dayLiteral } from './turn-around.ts'

/** Days of the example. */
const EXAMPLE_DAYS = 30

/**
 * A partitioned table that is read without any condition on its partition column. The rewrite is an example. BigQuery: "Prune
 * partitioned queries" and "Require a partition filter" (docs/best-practices-costs, docs/querying-partitioned-tables).
 */
export function* missingPartitionFilter(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects)
    for (const relation of select.relations) {
      const facts = input.factsOf(relation)
      const column = partitionColumnOf(facts)
      if (!facts || !column) continue
      const conditions = select.joins.flatMap(({ conjuncts }) => conjuncts).concat(select.conjuncts)
      const isFiltered = conditions.some(
        (each) => conditionKind(input, each, column.names, relation, select) !== 'none',
      )
      if (isFiltered || outerConditions(input, relation, select, column.names).length > 0) continue
      const size = facts.bytes === undefined ? '' : ` (${bytesText(facts.bytes)})`
      const message = `The statement reads all partitions of ${tableName(relation)}${size}: add a condition on its partition column ${column.name}.`
      const example = column.type && dayLiteral(dayBefore(input.now, EXAMPLE_DAYS), column.type)
      yield {
        rule: 'missing_partition_filter',
        message,
        ...(example &&
          !relation.optional && {
            example: `As an example, this reads only the last ${EXAMPLE_DAYS} days.`,
            edits: addCondition(select, `${qualified(column.name, relation, select)} >= ${example}`),
          }),
        result: 'example',
        saves: 'bytes',
      }
    }
}
