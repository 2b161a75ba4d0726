import { columnUses } from './columns.ts'
import { type Cte, type Relation, type Select, type Statement, unwrapped } from './statement.ts'
import type { SqlNode } from './tree.ts'

/** Names of columns in lower case; `all` if each may be used. */
export type Used = ReadonlySet<string> | 'all'

/** Tells which columns of the queries of a statement are used by the queries around them. */
export class UsedColumns {
  readonly #places = new Map<SqlNode, { readonly relation: Relation; readonly select: Select }>()
  readonly #ctes = new Map<SqlNode, Cte>()
  readonly #open = new Set<SqlNode>()

  constructor(statement: Statement) {
    for (const select of statement.selects)
      for (const relation of select.relations) this.#places.set(relation.node, { relation, select })
    for (const cte of statement.ctes) this.#ctes.set(cte.node, cte)
  }

  /** The SELECT in whose FROM clause a relation is. */
  selectOf(relation: Relation): Select | undefined {
    return this.#places.get(relation.node)?.select
  }

  /** Where the rows of a query are read as a relation; empty if they are the result, or an operand of something else. */
  readersOf(query: SqlNode): readonly { readonly relation: Relation; readonly select: Select }[] {
    const place = this.#places.get(query)
    if (place) return [place]
    const { parent } = query
    if (!parent) return []
    const cte = this.#ctes.get(parent)
    if (cte)
      return cte.references.flatMap((relation) => {
        const select = this.selectOf(relation)
        return select ? [{ relation, select }] : []
      })
    return parent.type === 'GroupedStatement' && unwrapped(parent) === unwrapped(query) ? this.readersOf(parent) : []
  }

  /** The columns of a query's result that others use. */
  ofQuery(query: SqlNode): Used {
    if (this.#open.has(query)) return 'all'
    this.#open.add(query)
    try {
      const { parent } = query
      if (parent?.type === 'SetOperator' && parent.word === 'UNION' && isAll(parent)) return this.ofQuery(parent)
      if (parent?.type === 'GroupedStatement' && !this.#places.has(parent) && !this.#ctes.has(parent))
        return this.ofQuery(parent)
      const readers = this.readersOf(query)
      if (readers.length === 0) return this.#isUnreadCte(query) ? new Set() : 'all'
      const used = new Set<string>()
      for (const { relation, select } of readers) {
        const columns = this.ofRelation(relation, select)
        if (columns === 'all') return 'all'
        for (const column of columns) used.add(column)
      }
      return used
    } finally {
      this.#open.delete(query)
    }
  }

  /** The columns of a relation that its SELECT uses, or passes on to someone who does. */
  ofRelation(relation: Relation, select: Select): Used {
    if (select.kind === 'change' || select.joins.some(({ type }) => type.includes('NATURAL'))) return 'all'
    const used = new Set<string>()
    for (const { path, star, node } of columnUses(select.node)) {
      if (relation.node.start <= node.start && node.end <= relation.node.end) continue
      if (star && path.length <= 1) {
        if (path.length === 1 && path[0] !== relation.name) used.add(path[0]!)
        else if (select.items.includes(node)) {
          const passed = select.node.one('distinct_or_all')?.word === 'DISTINCT' ? 'all' : this.ofQuery(select.node)
          if (passed === 'all') return 'all'
          for (const column of passed) used.add(column)
        } else if (path.length === 1) return 'all'
      } else if (path[0] === relation.name) {
        if (path.length === 1) return 'all'
        used.add(path[1]!)
      } else used.add(path[0]!)
    }
    return used
  }

  #isUnreadCte(query: SqlNode): boolean {
    const cte = query.parent && this.#ctes.get(query.parent)
    return cte !== undefined && cte.references.length === 0
  }
}

function isAll(operator: SqlNode): boolean {
  return operator.one('distinct_or_all')?.word === 'ALL' && !operator.one('corresponding') && !operator.one('by')
}
