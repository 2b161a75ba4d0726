/** How an engine reads what stands between tokens. */
export interface GapRules {
  readonly nestedComments: boolean
  readonly hashComments: boolean
  /** Whether engines of the dialect differ: about the line ends of comments, what follows `--`, and comments that are executed. */
  readonly mayDiffer: boolean
}

/** The end of white space and comments. */
export interface Gap {
  readonly end: number
  /** End of a hint (`/*+ ... *\/`) that begins at `end`; 0 without one. */
  readonly hintEnd: number
  readonly hasComment: boolean
  readonly fault?: 'doubt' | 'not closed'
}

const space = /[ \t\n\r\f\v]*/y
const lineComment = /(?:--|#)[^\r\n]*/y
const commentMarks = /\/\*|\*\//g

/** Skips white space and comments. Anything but ASCII's white space belongs to the next token. */
export function skipGap(text: string, from: number, rules: GapRules): Gap {
  let at = from
  let hasComment = false
  for (;;) {
    space.lastIndex = at
    space.test(text)
    at = space.lastIndex
    const [first, second] = [text[at], text[at + 1]]
    if ((first === '-' && second === '-') || (first === '#' && rules.hashComments)) {
      lineComment.lastIndex = at
      lineComment.test(text)
      const end = lineComment.lastIndex
      if (rules.mayDiffer && isDoubtfulLine(text, at, end, rules))
        return { end: at, hintEnd: 0, hasComment, fault: 'doubt' }
      at = end
      hasComment = true
    } else if (first === '/' && second === '*') {
      const end = endOfBlock(text, at, rules)
      if (end < 0) return { end: at, hintEnd: 0, hasComment, fault: end === NOT_CLOSED ? 'not closed' : 'doubt' }
      if (text[at + 2] === '+') return { end: at, hintEnd: end, hasComment }
      at = end
      hasComment = true
    } else return { end: at, hintEnd: 0, hasComment }
  }
}

/** Whether an engine may see no comment here, or another end of it. */
function isDoubtfulLine(text: string, at: number, end: number, { hashComments }: GapRules): boolean {
  const endsAtReturn = text[end] === '\r' && text[end + 1] !== '\n'
  if (endsAtReturn || /[\u0085\u2028\u2029]/.test(text.slice(at, end))) return true
  return !hashComments && at + 2 < end && !/[ \t]/.test(text[at + 2]!)
}

const [NOT_CLOSED, DOUBT] = [-1, -2]

function endOfBlock(text: string, at: number, { nestedComments, hashComments, mayDiffer }: GapRules): number {
  const isExecuted = text[at + 2] === '!' || /^[mM]!/.test(text.slice(at + 2, at + 4))
  if (mayDiffer && !hashComments && isExecuted) return DOUBT
  if (!nestedComments) {
    const end = text.indexOf('*/', at + 2)
    if (end < 0) return NOT_CLOSED
    // Some engines would nest another comment.
    return !hashComments && text.slice(at + 2, end).includes('/*') ? DOUBT : end + 2
  }
  commentMarks.lastIndex = at + 2
  for (let depth = 1; depth > 0; ) {
    const mark = commentMarks.exec(text)?.[0]
    if (mark === undefined) return NOT_CLOSED
    depth += mark === '*/' ? -1 : 1
  }
  return commentMarks.lastIndex
}
