import type { TableFacts } from '../../../query/billing/source-cost.ts'
import { bytesInWords } from '../../amounts.ts'
import type { Suggestion } from '../suggestion.ts'
import { columnUses } from '../syntax/columns.ts'
import { functionName, pathOf } from '../syntax/names.ts'
import type { Relation, Select, Statement } from '../syntax/statement.ts'
import type { SqlNode } from '../syntax/tree.ts'
import type { UsedColumns } from '../syntax/used-columns.ts'

/** What rules look at: one statement of a text. */
export interface RuleInput {
  readonly text: string
  readonly statement: Statement
  readonly used: UsedColumns
  /** Facts of a table; undefined if there are none, or if the relation is no table. */
  factsOf(relation: Relation): TableFacts | undefined
  /** Unix milliseconds. */
  readonly now: number
}

/** Finds what would make a statement cheaper. It only reads; a rule that has doubts finds nothing. */
export type Rule = (input: RuleInput) => Iterable<Suggestion>

/** A table as messages name it. */
export function tableName({ path }: Relation): string {
  return path.join('.')
}

/**
 * Whether an expression is one of these columns (lower case) of a relation. The engine has accepted the statement, so an unqualified
 * name is not ambiguous: if the table has such a column, it is that one.
 */
export function isColumn(
  input: RuleInput,
  node: SqlNode | undefined,
  columns: readonly string[],
  relation: Relation,
  select: Select,
): boolean {
  const path = pathOf(node)?.map((part) => part.toLowerCase()) ?? []
  if (path.length === 2) return path[0] === relation.name && columns.includes(path[1]!)
  const [name] = path
  if (path.length !== 1 || !columns.includes(name!) || name === relation.name) return false
  if (select.relations.length === 1) return true
  if (relation.kind === 'table') return name!.startsWith('_') || hasColumn(input.factsOf(relation), name!)
  return select.relations.every((other) => {
    const facts = input.factsOf(other)
    return other === relation || (facts !== undefined && !hasColumn(facts, name!))
  })
}

function hasColumn(facts: TableFacts | undefined, column: string): boolean {
  return facts?.columns.some(({ name }) => name.toLowerCase() === column) ?? false
}

/** Whether an expression uses one of these columns. */
export function mentions(node: SqlNode, columns: readonly string[]): boolean {
  return columnUses(node).some(({ path }) => path.length > 0 && columns.includes(path.at(-1)!))
}

/** Whether the value of an expression differs from call to call, so that it must not be repeated. */
export function isVolatile(node: SqlNode): boolean {
  return [...node.walk()].some((each) => /^(?:RAND|GENERATE_UUID)$/.test(functionName(each) ?? ''))
}

/** Whether an edit of the expression must not repeat it: parameters by position count. */
export function hasPositionalParameters(node: SqlNode): boolean {
  return [...node.walk()].some((each) => each.type === 'Parameter' && each.token === '?')
}

/** Bytes as advice tells them, which knows no more than two digits. */
export function bytesText(bytes: number): string {
  return bytesInWords(bytes, 2)
}
