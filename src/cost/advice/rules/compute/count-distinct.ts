import type { Suggestion } from '../../suggestion.ts'
import { functionName } from '../../syntax/names.ts'
import type { RuleInput } from '../rule.ts'

/**
 * COUNT(DISTINCT x) where about the right number may do. BigQuery: "Use approximate aggregate functions"
 * (docs/best-practices-performance-functions).
 */
export function* countDistinct({ statement, text }: RuleInput): Generator<Suggestion> {
  for (const node of statement.node.walk()) {
    const distinct = node.one('distinct')
    const func = node.one('func')
    const [argument] = node.many('args')
    if (functionName(node) !== 'COUNT' || !distinct || !func || !argument || node.many('args').length !== 1) continue
    if (node.one('over')) continue
    yield {
      rule: 'count_distinct',
      message: `If about the right number will do, APPROX_COUNT_DISTINCT(${argument.textIn(text)}) needs much less memory and time than COUNT(DISTINCT ...); it is typically within 1 %.`,
      edits: [{ start: func.start, end: argument.start, text: 'APPROX_COUNT_DISTINCT(' }],
      result: 'approximate',
      saves: 'compute',
    }
  }
}
