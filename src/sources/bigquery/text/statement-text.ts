import { LoopTurn } from '../../../async/loop-turn.ts'
import { type Token, tokensOf } from './tokens.ts'

/** What the gateway reads from the text of a statement. */
export interface StatementText {
  /** Whether rows come in an order that the client may count on; true in doubt. */
  readonly isOrdered: boolean
  /** How its parameters are written; absent if it has none. */
  readonly parameters?: 'POSITIONAL' | 'NAMED'
  /** Whether each of its statements only reads or declares. Meant for scripts; a single statement has its type from BigQuery. */
  readonly onlyReads: boolean
  /** Whether a dry run may stop before its end, because of loops, conditions, calls or dynamic SQL. */
  readonly hasControlFlow: boolean
  /** Number of its statements. */
  readonly statements: number
  /** Whether it names a source of rows. */
  readonly hasFrom: boolean
  /** Functions that are billed on their own, such as `AI.GENERATE`, or what the statement defines as one. */
  readonly externalFunctions: readonly string[]
}

/** First words of statements that change nothing which outlives the script. */
const reads = new Set(['SELECT', 'WITH', 'FROM', 'DECLARE', 'SET', 'ASSERT'])
/** Words after `|>` that write: terminal pipe operators. */
const pipeWrites = new Set(['EXPORT', 'INSERT', 'CREATE', 'UPDATE', 'DELETE', 'MERGE'])
const control = new Set(['IF', 'WHILE', 'LOOP', 'REPEAT', 'FOR', 'CASE', 'CALL', 'EXECUTE', 'BEGIN'])
/** Prefixes of functions that call models or services, https://cloud.google.com/bigquery/pricing. */
const external =
  /^(AI\.\w+|ST_REGIONSTATS|ML\.(GENERATE_\w+|TRANSLATE|UNDERSTAND_TEXT|ANNOTATE_IMAGE|TRANSCRIBE|PROCESS_DOCUMENT)|EXTERNAL_QUERY)$/

/** Reads a statement or script. In doubt it says: ordered, may write. */
export async function readStatementText(sql: string): Promise<StatementText> {
  const turn = new LoopTurn()
  let isOrdered = false
  let parameters: StatementText['parameters']
  // Whether a comment ends at a lone carriage return is in doubt, and so is what is hidden behind it.
  let onlyReads = !/\r(?!\n)/.test(sql)
  let hasControlFlow = false
  let hasFrom = false
  let statements = 0
  const functions = new Set<string>()
  let statement: Token[] = []
  let [last, beforeLast]: (Token | undefined)[] = []
  const endStatement = () => {
    const [first] = statement
    if (first) statements++
    if (first && !isRead(statement)) onlyReads = false
    if (first && control.has(first.text)) hasControlFlow = true
    statement = []
  }
  for (const token of tokensOf(sql)) {
    const pause = turn.next()
    if (pause) await pause
    const { kind, text } = token
    if (text === ';' && kind === 'symbol') endStatement()
    else if (statement.length < 6) statement.push(token)
    if (kind === 'parameter') parameters ??= text === '?' ? 'POSITIONAL' : 'NAMED'
    if (kind === 'word') {
      if (text === 'BY' && last?.text === 'ORDER' && orders(token, statement)) isOrdered = true
      if (text === 'FROM' || text === 'JOIN') hasFrom = true
      if (last?.text === '>' && beforeLast?.text === '|' && pipeWrites.has(text)) onlyReads = false
      const qualified = last?.text === '.' ? `${beforeLast?.text}.${text}` : text
      if (external.test(qualified)) functions.add(qualified)
      if (text === 'PYTHON' && last?.text === 'LANGUAGE') functions.add('a function in Python')
      if (text === 'WITH' && last?.text === 'REMOTE') functions.add('a remote function')
    }
    beforeLast = last
    last = token
  }
  endStatement()
  return {
    isOrdered,
    ...(parameters && { parameters }),
    onlyReads,
    hasControlFlow,
    statements,
    hasFrom,
    externalFunctions: [...functions],
  }
}

function isRead(statement: readonly Token[]): boolean {
  const words = statement.map(({ text }) => text)
  if (words[0] === '(' || reads.has(words[0]!)) return true
  if (words[0] !== 'CREATE') return false
  const kind = words[1] === 'OR' && words[2] === 'REPLACE' ? words[3] : words[1]
  return kind === 'TEMP' || kind === 'TEMPORARY'
}

/** Whether an ORDER BY is that of the result: outside of parentheses, or in doubt because the whole query is in parentheses. */
function orders({ depth }: Token, [first]: readonly Token[]): boolean {
  return depth === 0 || first?.text === '('
}
