import type { Suggestion } from '../../suggestion.ts'
import { stringValue } from '../../syntax/literals.ts'
import { functionName } from '../../syntax/names.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import type { RuleInput } from '../rule.ts'

/** Functions whose value differs between runs. BigQuery: "Exceptions to query caching" (docs/cached-results). */
const changing = new Set([
  'CURRENT_DATE',
  'CURRENT_TIMESTAMP',
  'CURRENT_DATETIME',
  'CURRENT_TIME',
  'RAND',
  'GENERATE_UUID',
  'SESSION_USER',
])

/**
 * Functions that keep BigQuery from answering a repeated statement from its cache, which is free. The rewrite writes today's date
 * instead of CURRENT_DATE. BigQuery: "Use cached query results" (docs/cached-results).
 */
export function* cachedResults({ statement, now }: RuleInput): Generator<Suggestion> {
  if (statement.selects.length === 0 || !statement.selects.some(({ relations }) => relations.some(isTable))) return
  if (!/^(?:SelectStatement|SetOperator|GroupedStatement)$/.test(statement.node.type)) return
  const calls: { readonly name: string; readonly node: SqlNode }[] = []
  for (const node of statement.node.walk()) {
    const name = functionName(node) ?? (node.type === 'Identifier' && isValue(node) ? node.word : undefined)
    if (name !== undefined && changing.has(name)) calls.push({ name, node })
  }
  if (calls.length === 0) return
  const edits = calls.flatMap(({ name, node }) => {
    const date = name === 'CURRENT_DATE' ? todayOf(node, now) : undefined
    return date === undefined ? [] : [{ start: node.start, end: node.end, text: `DATE '${date}'` }]
  })
  const names = [...new Set(calls.map(({ name }) => name))].join(', ')
  const isWritable = edits.length === calls.length
  yield {
    rule: 'cached_results',
    message: `${names} ${names.includes(',') ? 'keep' : 'keeps'} BigQuery from answering a repeated statement from its cache, which is free for 24 hours: write the value as a constant${isWritable ? `, such as ${edits[0]!.text}` : ''}.`,
    ...(isWritable && { edits }),
    result: 'same',
    saves: 'repeats',
  }
}

function isTable({ kind }: { readonly kind: string }): boolean {
  return kind === 'table'
}

/** Whether an identifier such as CURRENT_DATE stands for a value: it is no name of a function, a column of a table or an alias. */
function isValue(node: SqlNode): boolean {
  const { parent } = node
  if (node.token.startsWith('`') || !parent) return false
  return parent.type !== 'DotOperator' && parent.one('func') !== node && parent.one('alias') !== node
}

/** Today's date in the time zone of a call of CURRENT_DATE; undefined if the zone is not a known constant. */
function todayOf(node: SqlNode, now: number): string | undefined {
  const [argument] = node.many('args')
  const zone = argument ? stringValue(argument) : 'UTC'
  if (zone === undefined) return undefined
  try {
    return new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    }).format(now)
  } catch {
    return undefined
  }
}
