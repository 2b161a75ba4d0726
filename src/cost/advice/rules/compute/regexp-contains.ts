import type { Suggestion } from '../../suggestion.ts'
import { stringValue } from '../../syntax/literals.ts'
import { functionName } from '../../syntax/names.ts'
import type { RuleInput } from '../rule.ts'
import { shortened } from '../scan/wrapped-partition-filter.ts'

/**
 * REGEXP_CONTAINS with a pattern that LIKE can express. BigQuery: "Use LIKE instead of REGEXP_CONTAINS" in Google's list of
 * antipatterns (GoogleCloudPlatform/bigquery-antipattern-recognition, "StringComparison").
 */
export function* regexpContains({ statement, text }: RuleInput): Generator<Suggestion> {
  for (const node of statement.node.walk()) {
    if (functionName(node) !== 'REGEXP_CONTAINS' || node.many('args').length !== 2) continue
    const [value, pattern] = node.many('args')
    const like = likeOf(stringValue(pattern))
    if (like === undefined || !value) continue
    const operand = value.textIn(text)
    const isSimple = value.type === 'Identifier' || value.type === 'DotOperator' || value.type === 'CallingFunction'
    const rewritten = `(${isSimple ? operand : `(${operand})`} LIKE ${like})`
    yield {
      rule: 'regexp_contains',
      message: `${shortened(node.textIn(text))} needs no regular expression: ${shortened(rewritten.slice(1, -1))} is cheaper.`,
      edits: [{ start: node.start, end: node.end, text: rewritten }],
      result: 'same',
      saves: 'compute',
    }
  }
}

/** The pattern of LIKE for a regular expression of plain characters, as a literal. */
function likeOf(pattern: string | undefined): string | undefined {
  const match = /^(\^?)(?:\.\*)?([\p{L}\p{N} @:/,;=&#<>!~-]+)(?:\.\*)?(\$?)$/u.exec(pattern ?? '')
  if (!match) return undefined
  const [whole, begin, plain, end] = match
  // `.` does not match line breaks, so `^.*` is no `%`.
  if ((begin && whole.startsWith('^.*')) || (end && whole.endsWith('.*$'))) return undefined
  return `'${begin ? '' : '%'}${plain}${end ? '' : '%'}'`
}
