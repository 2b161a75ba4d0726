/** A token as `bq2cst` reports it: lines and columns count from 1, columns in code points. */
interface RawToken {
  readonly line: number
  readonly column: number
  readonly literal: string
}

/** A node as `bq2cst` reports it. Its own types are a union of 190 members that differ only in the names of their children. */
export interface RawNode {
  readonly node_type: string
  readonly token?: RawToken | undefined
  readonly children?: Readonly<
    Record<string, { readonly Node?: RawNode; readonly NodeVec?: readonly RawNode[] } | undefined>
  >
}

/** Children that are not part of what their parent says. */
const outside = new Set(['comma', 'semicolon', 'leading_comments', 'trailing_comments'])
const comments = new Set(['leading_comments', 'trailing_comments'])
/** Deepest tree that rules walk; they recurse. */
const MAX_TREE_DEPTH = 600

/** A node of a statement, with its place in the text in UTF-16 units. */
export class SqlNode {
  readonly type: string
  /** The node's own token; empty if it has none. */
  readonly token: string
  readonly tokenStart: number
  /** Extent of the node with its children, without comments and without the comma or semicolon that follows. */
  readonly start: number
  readonly end: number
  parent: SqlNode | undefined
  readonly #fields: ReadonlyMap<string, readonly SqlNode[]>

  constructor(type: string, token: string, tokenStart: number, fields: ReadonlyMap<string, readonly SqlNode[]>) {
    this.type = type
    this.token = token
    this.tokenStart = tokenStart
    this.#fields = fields
    let start = token ? tokenStart : Number.POSITIVE_INFINITY
    let end = token ? tokenStart + token.length : -1
    for (const [name, nodes] of fields)
      for (const node of nodes) {
        node.parent = this
        if (outside.has(name)) continue
        start = Math.min(start, node.start)
        end = Math.max(end, node.end)
      }
    this.start = start
    this.end = end
  }

  /** The token in upper case. */
  get word(): string {
    return this.token.toUpperCase()
  }

  /** The first child of this name. */
  one(name: string): SqlNode | undefined {
    return this.#fields.get(name)?.[0]
  }

  many(name: string): readonly SqlNode[] {
    return this.#fields.get(name) ?? []
  }

  /** Names of the children. */
  get names(): IterableIterator<string> {
    return this.#fields.keys()
  }

  /** All children, in the order of the text. */
  get children(): readonly SqlNode[] {
    return [...this.#fields.values()].flat().sort((a, b) => a.start - b.start)
  }

  /** The node and everything below it. */
  *walk(): Generator<SqlNode> {
    yield this
    for (const child of this.children) yield* child.walk()
  }

  /** The text of the node as it was written. */
  textIn(text: string): string {
    return text.slice(this.start, this.end)
  }
}

/**
 * Makes the tree of a text from what the parser returned; undefined if the parser skipped over something that it did not
 * understand, if a position does not fit the text, or if the tree is too deep.
 */
export function treeOf(text: string, raw: readonly RawNode[]): readonly SqlNode[] | undefined {
  const positions = new Positions(text)
  const statements: SqlNode[] = []
  for (const node of raw) {
    if (node.node_type === 'EOF') continue
    if (node.node_type === 'StandAloneExpr') return undefined
    const statement = convert(node, positions, 0)
    if (!statement) return undefined
    statements.push(statement)
  }
  return statements
}

function convert(raw: RawNode, positions: Positions, depth: number): SqlNode | undefined {
  if (depth > MAX_TREE_DEPTH || raw.node_type === 'Unknown') return undefined
  const fields = new Map<string, readonly SqlNode[]>()
  for (const [name, child] of Object.entries(raw.children ?? {})) {
    if (!child || comments.has(name)) continue
    const nodes: SqlNode[] = []
    for (const each of child.NodeVec ?? (child.Node ? [child.Node] : [])) {
      const node = convert(each, positions, depth + 1)
      if (!node) return undefined
      nodes.push(node)
    }
    fields.set(name, nodes)
  }
  const { token } = raw
  if (!token) return new SqlNode(raw.node_type, '', -1, fields)
  const start = positions.offsetOf(token)
  return start === undefined ? undefined : new SqlNode(raw.node_type, token.literal, start, fields)
}

/** Turns lines and columns into offsets of UTF-16 units. */
class Positions {
  readonly #text: string
  readonly #lines: number[] = [0]
  /** Offsets of the code points of a line that has some outside the basic plane. */
  readonly #wide = new Map<number, readonly number[]>()

  constructor(text: string) {
    this.#text = text
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines.push(at + 1)
    const lines = this.#lines
    let line = 0
    for (const { index } of text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g)) {
      while (line + 1 < lines.length && lines[line + 1]! <= index) line++
      if (this.#wide.has(line)) continue
      const offsets: number[] = []
      const end = lines[line + 1] ?? text.length
      for (let at = lines[line]!; at < end; at += text.codePointAt(at)! > 0xffff ? 2 : 1) offsets.push(at)
      this.#wide.set(line, offsets)
    }
  }

  /** The offset of a token; undefined if the text there is another one. */
  offsetOf({ line, column, literal }: RawToken): number | undefined {
    const start = this.#lines[line - 1]
    if (start === undefined) return undefined
    const offset = this.#wide.get(line - 1)?.[column - 1] ?? start + column - 1
    return this.#text.startsWith(literal, offset) ? offset : undefined
  }
}
