import type { StatementFacts } from './facts/statement-facts.ts'

/** Words that may stand before a parenthesis without being a function. */
const NOT_FUNCTIONS =
  /\b(?:select|from|where|and|or|not|in|as|on|by|having|join|values|union|all|except|intersect|over|when|then|else|case|using|exists|any|distinct|count|sum|min|max|avg)$/i
/** Functions that need no parentheses, names of files, samples. */
const FORBIDDEN =
  /\b(?:current_\w+|localtime\w*|session_user|user|system_user|sysdate|now|tablesample|sample|random|rand|nextval|today|into|for)\b|'[^']*[./][^']*'|["`?$;@#]|--|\/\*/i
const MAX_CHARACTERS = 10_000

/** Facts of a plain query without functions but a few aggregates; everything else has an obstacle. */
export function plainFacts(sql: string): StatementFacts {
  const canonical = sql.trim()
  const isQuery = canonical.length <= MAX_CHARACTERS && /^(?:select|with|values)\b/i.test(canonical)
  if (!isQuery) return { obstacle: 'not-a-query', canonical, reads: undefined }
  if (FORBIDDEN.test(canonical)) return { obstacle: 'unreadable', canonical, reads: undefined }
  for (let at = canonical.indexOf('('); at >= 0; at = canonical.indexOf('(', at + 1)) {
    const before = canonical.slice(Math.max(0, at - 100), at).trimEnd()
    if (/\w$/.test(before) && !NOT_FUNCTIONS.test(before))
      return { obstacle: 'unknown-function', canonical, reads: undefined }
  }
  return { canonical, reads: undefined }
}
