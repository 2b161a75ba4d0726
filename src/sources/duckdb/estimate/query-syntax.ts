/** A LIMIT with its OFFSET, as constants. */
export interface LimitBounds {
  readonly limit: number
  readonly offset: number
}

interface SyntaxNode {
  readonly [key: string]: unknown
}

const asNode = (value: unknown): SyntaxNode =>
  typeof value === 'object' && value !== null ? (value as SyntaxNode) : {}

/**
 * The LIMITs of a query and of the subqueries in its FROM, the outermost first; undefined for one that is no constant.
 * EXPLAIN does not tell them.
 * @param syntax what DuckDB's `json_serialize_sql` makes of the query
 */
export function limitsOf(syntax: unknown): (LimitBounds | undefined)[] {
  const [statement] = (asNode(syntax)['statements'] as readonly unknown[] | undefined) ?? []
  const limits: (LimitBounds | undefined)[] = []
  let query = asNode(asNode(statement)['node'])
  for (;;) {
    for (const each of (query['modifiers'] as readonly unknown[] | undefined) ?? []) {
      const modifier = asNode(each)
      if (modifier['type'] === 'LIMIT_MODIFIER') limits.push(boundsOf(modifier))
      else if (modifier['type'] === 'LIMIT_PERCENT_MODIFIER') limits.push(undefined)
    }
    const from = asNode(query['from_table'])
    if (from['type'] !== 'SUBQUERY') return limits
    query = asNode(asNode(from['subquery'])['node'])
  }
}

function boundsOf({ limit, offset }: SyntaxNode): LimitBounds | undefined {
  const [rows, skipped] = [limit ? constantOf(limit) : Number.POSITIVE_INFINITY, offset ? constantOf(offset) : 0]
  return rows === undefined || skipped === undefined ? undefined : { limit: rows, offset: skipped }
}

function constantOf(expression: unknown): number | undefined {
  const { class: kind, value } = asNode(expression)
  const number = kind === 'CONSTANT' ? asNode(value)['value'] : undefined
  return Number.isSafeInteger(number) ? (number as number) : undefined
}

/** A table or view as a query names it. */
export interface NamedTable {
  /** Empty for the current one. */
  readonly catalog: string
  readonly schema: string
  readonly table: string
}

/** The tables and views that a query names, without its common table expressions. @param syntax as for `limitsOf` */
export function namedTables(syntax: unknown): NamedTable[] {
  const tables: NamedTable[] = []
  const expressions = new Set<string>()
  const pending: unknown[] = [syntax]
  while (pending.length > 0) {
    const node = asNode(pending.pop())
    if (node['type'] === 'BASE_TABLE') {
      const { catalog_name: catalog, schema_name: schema, table_name: table } = node
      tables.push({ catalog: String(catalog ?? ''), schema: String(schema ?? ''), table: String(table) })
    }
    const common = asNode(node['cte_map'])['map']
    if (Array.isArray(common)) for (const each of common) expressions.add(String(asNode(each)['key']).toLowerCase())
    pending.push(...Object.values(node))
  }
  return tables.filter(({ schema, table }) => schema !== '' || !expressions.has(table.toLowerCase()))
}
