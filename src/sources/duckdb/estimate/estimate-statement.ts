import type { Estimate } from '../../../query/estimate.ts'
import { Parameters } from '../bind/parameters.ts'
import type { Address } from '../native/library.ts'
import { quoteIdentifier, quoteLiteral } from '../sql/startup.ts'
import { mayReplaceTable, nodesOf, type PlanNode, parsePlan, scannedTable } from './plan-tree.ts'
import { limitsOf, type NamedTable, namedTables } from './query-syntax.ts'
import { readBytes, tableScans } from './read-bytes.ts'
import { boundedLimits, isChange, type RowFacts, resultRows } from './result-rows.ts'
import { suggestionsFor } from './suggestions.ts'
import { TableFacts } from './table-facts.ts'
import { textRows } from './text-rows.ts'

/** A statement to estimate. */
export interface EstimatedStatement {
  readonly connection: Address
  /** The text of one statement that EXPLAIN accepts. */
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
 * Estimates a statement from DuckDB's plan and catalog, without running it. Blocks. The connection has no transaction of a client.
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
  const read = total(readBytes(root, scans), executions)
  // A change also reads row ids, indexes and constraints, so 0 would be false.
  const bytes = isUpdate && (read === 0 || !isChange(root)) ? undefined : read
  const rows = isUpdate ? undefined : total(resultRows(root, facts), executions)
  const suggestions = suggestionsFor(root, scans, tables, facts)
  const isExact = bytes === 0 && scans.length === 0 && !isUpdate
  const names = new Set(scans.map(({ table }) => table))
  if ([...nodesOf(root)].some(mayReplaceTable)) for (const table of lookedUpTables(connection, syntax)) names.add(table)
  return withTables(
    {
      accuracy: bytes === undefined && rows === undefined ? 'unknown' : isExact ? 'exact' : 'estimated',
      ...(bytes !== undefined && { bytes }),
      ...(rows !== undefined && { rows }),
      ...(suggestions.length > 0 && { suggestions }),
    },
    names,
  )
}

/** A figure for all executions; undefined if it is too large to be exact as a number, as that of a huge cross join. */
function total(figure: number | undefined, executions: number): number | undefined {
  const all = figure === undefined ? Number.NaN : Math.round(figure * executions)
  return Number.isSafeInteger(all) ? all : undefined
}

function withTables(estimate: Estimate, names: ReadonlySet<string>): Estimate {
  return names.size > 0 ? { ...estimate, referencedTables: [...names].sort() } : estimate
}

function explain(connection: Address, sql: string, bind?: (statement: Address) => void): PlanNode {
  const [row] = textRows(connection, `EXPLAIN (FORMAT JSON) ${sql}`, bind)
  return parsePlan(row![1]!)
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
