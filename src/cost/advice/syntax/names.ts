import type { SqlNode } from './tree.ts'

/** Words that BigQuery reserves (lexical structure, "Reserved keywords") and that are likely names of columns. */
const reserved = new Set(
  'ALL AND ANY ARRAY AS ASC AT BETWEEN BY CASE CAST COLLATE CREATE CROSS CUBE CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN'.split(
    ' ',
  ),
)

/** A name as it must be written in a statement. */
export function quoted(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !reserved.has(name.toUpperCase()) ? name : `\`${name}\``
}

/** The parts of an identifier as it is written, such as `` `p.d.t` ``. */
function partsOf(token: string): readonly string[] {
  return token.startsWith('`') ? token.slice(1, -1).split('.') : [token]
}

/** The parts of a name such as `` p-1.d.`t` ``; undefined if the node is not a plain name. */
export function pathOf(node: SqlNode | undefined): readonly string[] | undefined {
  switch (node?.type) {
    case 'Identifier':
      return partsOf(node.token)
    case 'MultiTokenIdentifier':
      // The parser takes the `1.d` of `p-1.d.t` for one token.
      return [node, ...node.many('trailing_idents')]
        .map(({ token }) => token)
        .join('')
        .split('.')
    case 'DotOperator': {
      const [left, right] = [pathOf(node.one('left')), pathOf(node.one('right'))]
      return left && right ? [...left, ...right] : undefined
    }
    default:
      return undefined
  }
}

/** End of a name, without its alias. */
export function endOfName(node: SqlNode): number {
  const last = node.one('right') ?? node.many('trailing_idents').at(-1)
  return last ? endOfName(last) : node.tokenStart + node.token.length
}

/** The alias of a relation or an expression as it is written, without quotes. */
export function aliasOf(node: SqlNode): string | undefined {
  const alias = node.one('alias')
  return alias && pathOf(alias)?.join('.')
}

/** Upper-case name of the function that a node calls, without `SAFE.`; undefined if it calls none. */
export function functionName(node: SqlNode | undefined): string | undefined {
  if (node?.type !== 'CallingFunction') return undefined
  const path = pathOf(node.one('func'))
  return path?.at(-1)?.toUpperCase()
}
