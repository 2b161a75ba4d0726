import type { Estimate } from '../../../query/estimate.ts'
import { Parameters } from '../bind/parameters.ts'
import { mayBeExpanded } from '../native/expansion/expanded-statement.ts'
import { inReadOnlyTransaction } from '../native/in-transaction.ts'
import type { Address } from '../native/library.ts'
import { quoteIdentifier, quoteLiteral } from '../sql/startup.ts'
import { mayReplaceTable, nodesOf, type PlanNode, parsePlan, scannedTable } from './plan-tree.ts'
import { limitsOf, type NamedTable, namedTables } from './query-syntax.ts'
import { readBytes, tableScans } from './read-bytes.ts'
import { boundedLimits, type RowFacts, resultRows } from './result-rows.ts'
import { suggestionsFor } from './suggestions.ts'
import { TableFacts } from './table-facts.ts'
import { textRows } from './text-rows.ts'

/** A statement to estimate. */
export interface EstimatedStatement {
  readonly connection: Address
  /** The text of one statement that can be prepared and explained. */
  readonly sql: string
  /** Whether the statement changes data: its result is no rows of the plan. */
  readonly isUpdate: boolean
  /** Whether the statement has parameters. */
  readonly hasParameters: boolean
  /** Rows of parameters as an Arrow IPC stream. */
  readonly parameters?: Uint8Array
}

/** Longest text whose syntax is read a second time, in characters. */
const MAX_SYNTAX_CHARACTERS = 100_000
/** Most tables that are looked up because the plan no longer names them. */
const MAX_LOOKED_UP = 20

/**
 * Estimates a statement from DuckDB's plan and catalog, without running it. Blocks. Runs outside of transactions.
 * @throws DuckDbError, ArrowError
 */
export function estimateStatement(statement: EstimatedStatement): Estimate {
  const { connection, sql, isUpdate, hasParameters, parameters: stream } = statement
  const syntax = isUpdate ? undefined : readSyntax(connection, sql)
  const parameters = stream && new Parameters(stream)
  const executions = parameters?.rowCount ?? 1
  if (hasParameters && (!parameters || executions === 0)) {
    // Values decide the plan: without them it would be the plan for NULL, which often reads nothing.
    return withTables({ accuracy: 'unknown' }, lookedUpTables(connection, syntax))
  }
  const [bind] = parameters?.rows() ?? []
  const root = explain(connection, sql, bind)
  const tables = new TableFacts(connection)
  const facts: RowFacts = {
    limits: boundedLimits(root, limitsOf(syntax)),
    tableRows: (table) => tables.rows(table),
  }
  const scans = tableScans(root, tables, facts)
  const bytes = readBytes(root, scans)
  const rows = isUpdate ? undefined : resultRows(root, facts)
  const names = new Set(scans.map(({ table }) => table))
  if ([...nodesOf(root)].some(mayReplaceTable)) for (const table of lookedUpTables(connection, syntax)) names.add(table)
  const suggestions = suggestionsFor(root, scans, tables, facts)
  const known = bytes !== undefined || rows !== undefined
  return withTables(
    {
      accuracy: !known ? 'unknown' : bytes === 0 && scans.length === 0 && !isUpdate ? 'exact' : 'estimated',
      ...(bytes !== undefined && { bytes: bytes * executions }),
      ...(rows !== undefined && { rows: Math.round(rows * executions) }),
      ...(suggestions.length > 0 && { suggestions }),
    },
    names,
  )
}

function withTables(estimate: Estimate, names: ReadonlySet<string>): Estimate {
  return names.size > 0 ? { ...estimate, referencedTables: [...names].sort() } : estimate
}

function explain(connection: Address, sql: string, bind?: (statement: Address) => void): PlanNode {
  let root: PlanNode | undefined
  const read = () => {
    const [row] = textRows(connection, `EXPLAIN (FORMAT JSON) ${sql}`, bind)
    root = parsePlan(row![1]!)
  }
  if (!mayBeExpanded(connection, sql)) read()
  else {
    const { error } = inReadOnlyTransaction(connection, read)
    if (error !== undefined) throw error
  }
  return root!
}

/** The syntax tree of a query; undefined if DuckDB does not give it. */
function readSyntax(connection: Address, sql: string): unknown {
  if (sql.length > MAX_SYNTAX_CHARACTERS) return undefined
  const [row] = textRows(connection, `SELECT CAST(system.main.json_serialize_sql(${quoteLiteral(sql)}) AS VARCHAR)`)
  return JSON.parse(row![0]!)
}

/** The tables that a query names, with those that its views read. */
function lookedUpTables(connection: Address, syntax: unknown): ReadonlySet<string> {
  const found = new Set<string>()
  for (const named of namedTables(syntax).slice(0, MAX_LOOKED_UP)) {
    try {
      const [row] = textRows(connection, `EXPLAIN (FORMAT JSON) SELECT 1 FROM ${sqlName(named)}`)
      for (const node of nodesOf(parsePlan(row![1]!))) {
        const table = scannedTable(node)
        if (table !== undefined) found.add(table)
      }
    } catch {
      // Not a table: the name of a table function, or of an expression that is known only within the statement.
    }
  }
  return found
}

function sqlName({ catalog, schema, table }: NamedTable): string {
  return [catalog, schema, table]
    .filter((part) => part !== '')
    .map(quoteIdentifier)
    .join('.')
}
