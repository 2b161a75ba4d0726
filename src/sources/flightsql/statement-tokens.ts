/** A word in upper case, a quoted name or literal as `quoted`, or another character (digits together). */
export interface Token {
  readonly text: string
  readonly kind: 'word' | 'quoted' | 'other'
  readonly at: number
}

/** A statement's text, as the standard and most servers read it. */
export interface StatementTokens {
  readonly tokens: readonly Token[]
  /** Where servers begin to differ in what is quoted and what is a comment; undefined when they all read the same. */
  readonly doubtfulFrom: number | undefined
}

// A doubled quote is read as two literals side by side, which hides nothing of what follows.
const pieces =
  /('[^']*'|"[^"]*"|`[^`]*`)|(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|([\p{L}_][\p{L}\p{N}_$]*)|\s+|(\d+|[\s\S])/gu
/** Literals between dollars, and between three quotes. */
const foreignQuotes = /\$[\p{L}\p{N}_]*\$|'''|"""/u

const hidden = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g

/** A statement with spaces where literals, quoted names and comments are; all else stays at its place. */
export function bareText(sql: string): string {
  return sql.replace(hidden, (text) => ' '.repeat(text.length))
}

/** Takes a statement's text apart; comments and white space are left out. */
export function tokensOf(sql: string): StatementTokens {
  const tokens: Token[] = []
  const foreign = foreignQuotes.exec(sql)
  let doubtfulFrom = foreign ? foreign.index : Number.POSITIVE_INFINITY
  for (const match of sql.matchAll(pieces)) {
    const [text, quoted, comment, word, other] = match
    const at = match.index
    const begins = tokens.length === 0 || tokens.at(-1)!.text === ';'
    if (
      (quoted !== undefined && isDoubtfulQuote(quoted)) ||
      (comment !== undefined && isDoubtfulComment(comment, begins)) ||
      (other !== undefined && isDoubtfulCharacter(other, sql, at))
    )
      doubtfulFrom = Math.min(doubtfulFrom, at)
    if (quoted !== undefined) tokens.push({ text: 'quoted', kind: 'quoted', at })
    else if (word !== undefined) tokens.push({ text: text.toUpperCase(), kind: 'word', at })
    else if (other !== undefined) tokens.push({ text, kind: 'other', at })
  }
  return { tokens, doubtfulFrom: Number.isFinite(doubtfulFrom) ? doubtfulFrom : undefined }
}

/** A backslash keeps a literal open for some servers, and the backtick quotes for some only. */
function isDoubtfulQuote(quoted: string): boolean {
  return quoted.startsWith('`') || quoted.at(-2) === '\\'
}

/**
 * For some servers comments nest, end at other line ends, are run (`/*!`), or want white space after `--`, though no
 * statement begins with a minus.
 */
function isDoubtfulComment(comment: string, begins: boolean): boolean {
  if (comment.startsWith('/*')) return !comment.endsWith('*/') || comment.includes('/*', 2) || /^\/\*M?!/i.test(comment)
  return (!begins && /^--\S/.test(comment)) || /[\r\u0085\u2028\u2029]/.test(comment.replace(/\r$/, ''))
}

/** What quotes a name (`[`) or begins a comment (`#`, `//`) for some servers, or is never closed. */
function isDoubtfulCharacter(character: string, sql: string, at: number): boolean {
  if (character === '/') return sql[at + 1] === '/'
  return '[#\'"`'.includes(character)
}
