import type { Select } from '../../syntax/statement.ts'
import { unwrapped } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import type { RuleInput } from '../rule.ts'

/** The SELECTs below the outermost UNION ALL around a SELECT. */
export interface Union {
  readonly query: SqlNode
  readonly selects: readonly Select[]
}

/**
 * The union that a SELECT belongs to; undefined if it belongs to none. Only unions whose SELECTs are all `SELECT *` of one table
 * with the same columns have members; others are empty, since their columns match by position only.
 */
export function unionOf(input: RuleInput, select: Select): Union | undefined {
  let query: SqlNode = select.node
  let top: SqlNode | undefined
  while (
    query.parent?.type === 'SetOperator' ||
    (query.parent?.type === 'GroupedStatement' && query.parent.parent?.type === 'SetOperator')
  ) {
    query = query.parent
    if (query.type === 'SetOperator') top = query
  }
  if (!top) return undefined
  const leaves: Select[] = []
  const collect = (node: SqlNode): boolean => {
    const inner = unwrapped(node)
    if (inner.type === 'SetOperator') {
      if (inner.word !== 'UNION' || inner.one('distinct_or_all')?.word !== 'ALL' || inner.one('by')) return false
      const [left, right] = [inner.one('left'), inner.one('right')]
      return left !== undefined && right !== undefined && collect(left) && collect(right)
    }
    const leaf = input.statement.selects.find((each) => each.node === inner)
    if (leaf) leaves.push(leaf)
    return leaf !== undefined
  }
  const members = collect(top) ? leaves : []
  const columns = members.map((leaf) => {
    const facts = leaf.relations.length === 1 ? input.factsOf(leaf.relations[0]!) : undefined
    const [item] = leaf.items
    const isStar = leaf.items.length === 1 && item!.type === 'Asterisk' && !item!.one('except') && !item!.one('replace')
    const isPlain = isStar && !leaf.node.one('distinct_or_all') && !leaf.node.one('as_struct_or_value')
    return isPlain && facts ? facts.columns.map(({ name }) => name.toLowerCase()).join() : undefined
  })
  const isUniform = columns[0] !== undefined && columns.every((each) => each === columns[0])
  return { query: top, selects: isUniform ? members : [] }
}
