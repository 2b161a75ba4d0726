/** A token of a statement: a word in upper case, a quoted name or text, a parameter, or one other character. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'parameter' | 'symbol'
  readonly text: string
  /** Number of parentheses that are open around it. */
  readonly depth: number
}

/** Comments, texts, quoted names, parameters, words, numbers, and other characters. The forms of texts are unrolled: linear time. */
const patterns = [
  String.raw`--[^\r\n]*|#[^\r\n]*|/\*[\s\S]*?(?:\*/|$)`,
  String.raw`"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*(?:"""|$)`,
  String.raw`'''[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*(?:'''|$)`,
  String.raw`"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|$)`,
  String.raw`'[^'\\]*(?:\\[\s\S][^'\\]*)*(?:'|$)`,
  '`[^`\\\\]*(?:\\\\[\\s\\S][^`\\\\]*)*(?:`|$)',
  '@@\\w+|@(?:\\w+|`[^`]*`)',
  String.raw`[\p{L}_][\p{L}\p{N}_]*|\d[\w.]*|\S`,
]
const pattern = new RegExp(patterns.join('|'), 'gu')

/**
 * Splits a statement of GoogleSQL into tokens, without comments. It only knows where texts, quoted names and comments end, so that
 * words and semicolons inside of them do not count.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical.
 */
export function* tokensOf(sql: string): Generator<Token, void, undefined> {
  let depth = 0
  for (const [text] of sql.matchAll(pattern)) {
    const first = text[0]!
    if (text.startsWith('--') || first === '#' || text.startsWith('/*')) continue
    if (first === '"' || first === "'") yield { kind: 'text', text, depth }
    else if (first === '`') yield { kind: 'quoted', text, depth }
    else if (first === '?' || (first === '@' && text.length > 1 && text[1] !== '@'))
      yield { kind: 'parameter', text, depth }
    else if (/[\p{L}_]/u.test(first)) yield { kind: 'word', text: text.toUpperCase(), depth }
    else {
      if (text === ')') depth = Math.max(0, depth - 1)
      yield { kind: 'symbol', text, depth }
      if (text === '(') depth++
    }
  }
}
