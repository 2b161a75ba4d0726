import type { Suggestion } from '../../suggestion.ts'
import { type RuleInput, tableName } from '../rule.ts'
import { conditionKind, partitionColumnOf } from './conditions.ts'
import { shortened } from './wrapped-partition-filter.ts'

/**
 * A partition column that is compared with a query or another column: BigQuery knows the value only when the statement runs, and
 * bills all partitions. BigQuery: "Use a constant filter expression" (docs/querying-partitioned-tables).
 */
export function* dynamicPartitionFilter(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects)
    for (const relation of select.relations) {
      const column = partitionColumnOf(input.factsOf(relation))
      if (!column) continue
      const kinds = select.conjuncts.map((condition) => conditionKind(input, condition, column.names, relation, select))
      if (kinds.includes('constant')) continue
      for (const [index, condition] of select.conjuncts.entries())
        if (kinds[index] === 'dynamic')
          yield {
            rule: 'dynamic_partition_filter',
            message: `The condition ${shortened(condition.textIn(input.text))} compares the partition column ${column.name} of ${tableName(relation)} with a query or a column, so BigQuery reads all partitions. Run the query first and write its value as a constant or a parameter.`,
            result: 'same',
            saves: 'bytes',
          }
    }
}
