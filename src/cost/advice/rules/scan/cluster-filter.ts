import type { Suggestion } from '../../suggestion.ts'
import { integerValue, stringValue } from '../../syntax/literals.ts'
import { functionName, quoted } from '../../syntax/names.ts'
import { aggregates } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { isColumn, type RuleInput, tableName } from '../rule.ts'
import { conditionKind } from './conditions.ts'
import { shortened } from './wrapped-partition-filter.ts'

/**
 * A clustered table that is read without a condition on its first cluster column, or with one that hides it in an expression.
 * A dry run does not tell what clustering saves. BigQuery: "Filter by clustered columns in sort order", "Don't use clustered columns
 * in complex filter expressions" (docs/querying-clustered-tables).
 */
export function* clusterFilter(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects)
    for (const relation of select.relations) {
      const facts = input.factsOf(relation)
      const first = facts?.clusterColumns?.[0]
      if (!facts || first === undefined || (facts.bytes !== undefined && facts.bytes < 64 << 20)) continue
      const columns = [first.toLowerCase()]
      const all = facts.clusterColumns!.map((name) => name.toLowerCase())
      const kinds = select.conjuncts.map((condition) => conditionKind(input, condition, columns, relation, select))
      if (kinds.includes('constant') || kinds.includes('dynamic')) continue
      const wrapped = kinds.indexOf('wrapped')
      const condition = select.conjuncts[wrapped]
      if (condition) {
        const isIt = (node: SqlNode | undefined) => isColumn(input, node, columns, relation, select)
        const plain = withoutCast(condition, input.text, isIt, typeOf(facts.columns, first))
        yield {
          rule: 'cluster_filter',
          message: `The condition ${shortened(condition.textIn(input.text))} hides the cluster column ${quoted(first)} of ${tableName(relation)} in an expression, so BigQuery reads all blocks. Compare the column itself${plain ? `: ${plain}` : ' with constants'}.`,
          ...(plain && { edits: [{ start: condition.start, end: condition.end, text: plain }] }),
          result: 'same',
          saves: 'compute',
        }
      } else {
        const later = select.conjuncts.some(
          (each) => conditionKind(input, each, all.slice(1), relation, select) !== 'none',
        )
        if (later || (select.where && !aggregates(select)))
          yield {
            rule: 'cluster_filter',
            message: `${tableName(relation)} is clustered by ${all.join(', ')}: a condition on ${quoted(first)} lets BigQuery skip blocks, and bills less than the estimate.${later ? ` A condition on a later cluster column alone does not.` : ''}`,
            result: 'example',
            saves: 'compute',
          }
      }
    }
}

function typeOf(columns: readonly { readonly name: string; readonly type: string }[], name: string): string {
  return columns.find((column) => column.name === name)?.type.toUpperCase() ?? ''
}

/** `CAST(n AS STRING) = '5'` as `n = 5`. */
function withoutCast(
  condition: SqlNode,
  text: string,
  isColumn: (node: SqlNode | undefined) => boolean,
  type: string,
): string | undefined {
  const [left, right] = [condition.one('left'), condition.one('right')]
  const argument = functionName(left) === 'CAST' ? left!.many('args')[0] : undefined
  const column = argument?.one('cast_from')
  if (condition.type !== 'BinaryOperator' || condition.token !== '=' || !column || !isColumn(column)) return undefined
  const to = argument!.one('cast_to')?.word
  const value = stringValue(right)
  if ((type === 'INT64' || type === 'INTEGER') && to === 'STRING' && /^(?:0|[1-9]\d{0,17})$/.test(value ?? ''))
    return `${column.textIn(text)} = ${value}`
  if (type === 'INT64' && to === 'INT64' && integerValue(right) !== undefined)
    return `${column.textIn(text)} = ${right!.textIn(text)}`
  return undefined
}
