import type { SqlDialect } from './dialect.ts'
import type { Level } from './level.ts'

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** First words of queries. */
export const queryBegins = list('SELECT WITH FROM VALUES TABLE')
const pivotBegins = list('PIVOT PIVOT_WIDER UNPIVOT PIVOT_LONGER')

/** Whether a statement with this first word is a query. */
export function beginsQuery(word: string, dialect: SqlDialect): boolean {
  return queryBegins.has(word) || (dialect === 'duckdb' && pivotBegins.has(word))
}

/** Whether the word begins a statement of DuckDB such as `PIVOT t ON a`; in a list of tables it follows a table. */
export function beginsPivot(word: string, { inTables, isEmpty }: Pick<Level, 'inTables' | 'isEmpty'>): boolean {
  return pivotBegins.has(word) && (isEmpty || !inTables)
}

/** In parentheses, these words begin another statement than a query. */
export const otherBegins = list(
  'DESCRIBE DESC SHOW SUMMARIZE PRAGMA CALL EXPLAIN INSERT UPDATE DELETE MERGE CREATE DROP ALTER EXECUTE COPY ATTACH',
)
/** A table or a list of tables follows. */
export const beforeTable = list('FROM JOIN STRAIGHT_JOIN APPLY')
/** A name after these words is still that of a table. */
export const betweenTable = list('LATERAL ONLY TABLE')
const endsTables = list('SELECT WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH UNION EXCEPT INTERSECT WINDOW QUALIFY')

/** Whether a word ends a list of tables; `UNNEST(x) WITH OFFSET, t` of BigQuery goes on with a table. */
export function endsTableList(word: string, previous: string, dialect: SqlDialect): boolean {
  return endsTables.has(word) && !(word === 'OFFSET' && previous === 'WITH' && dialect === 'bigquery')
}

/** These words follow a table and are no alias. */
export const followsTable = list(
  'JOIN INNER LEFT RIGHT FULL CROSS OUTER NATURAL ASOF POSITIONAL SEMI ANTI ON USING TABLESAMPLE SAMPLE AT PIVOT UNPIVOT PIVOT_WIDER PIVOT_LONGER WITH APPLY',
)
/** Before a parenthesis, these words are no functions. */
export const beforeParenthesis = list(
  'SELECT DISTINCT ALL ANY SOME FROM WHERE AND OR NOT IN IS EXISTS BETWEEN LIKE ILIKE SIMILAR TO ESCAPE CASE WHEN THEN ELSE END AS ON USING JOIN LATERAL ONLY TABLE VALUES WITH RECURSIVE MATERIALIZED UNION EXCEPT INTERSECT MINUS GROUP BY ORDER PARTITION SETS CUBE ROLLUP HAVING QUALIFY WINDOW OVER FILTER WITHIN LIMIT OFFSET FETCH FIRST NEXT TOP PIVOT UNPIVOT PIVOT_WIDER PIVOT_LONGER FOR EXCLUDE RENAME REPLACE RETURNING TABLESAMPLE AT ROWS RANGE GROUPS XOR DIV MOD KEY RESPECT IGNORE NULLS EXTEND SET DROP AGGREGATE CALL BERNOULLI SYSTEM RESERVOIR PERCENT APPLY LAMBDA RLIKE REGEXP GLOB',
)
/** In the arguments of these functions, FROM names no table. */
export const takesFrom = list('EXTRACT TRIM SUBSTRING SUBSTR OVERLAY LTRIM RTRIM')
