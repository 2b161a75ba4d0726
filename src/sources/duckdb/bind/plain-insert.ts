const name = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`
const into = String.raw`insert\s+into\s+${name}(?:\s*\.\s*${name}){0,2}(?:\s*\(\s*${name}(?:\s*,\s*${name})*\s*\))?`
const plain = new RegExp(
  String.raw`^\s*(${into})\s*\bvalues\s*\(\s*((?:\?|\$\d+)(?:\s*,\s*(?:\?|\$\d+))*)\s*\)\s*(?:;\s*)?$`,
  'iu',
)

/** An INSERT that stores its parameters and does nothing else. */
export interface PlainInsert {
  /** The text before VALUES. */
  readonly into: string
  readonly parameterCount: number
}

/**
 * Recognizes `INSERT INTO t [(columns)] VALUES (?, ?, ...)` with each parameter once and in order. DuckDB must have prepared
 * the statement before. Any other statement, and one with a comment, gives undefined.
 */
export function plainInsert(sql: string): PlainInsert | undefined {
  const [, into, values] = plain.exec(sql) ?? []
  if (into === undefined || values === undefined) return undefined
  const parameters = values.split(',').map((each) => each.trim())
  const inOrder = parameters.every((each, i) => each === '?' || each === `$${i + 1}`)
  return inOrder ? { into, parameterCount: parameters.length } : undefined
}
