import { parse as parseCst } from 'bq2cst'
import { Advisor } from '../../../src/cost/advice/advisor.ts'
import { factsKey, type Parse, suggestionsOf, tablesOf } from '../../../src/cost/advice/analysis.ts'
import { applyEdits, type Suggestion } from '../../../src/cost/advice/suggestion.ts'
import type { RawNode } from '../../../src/cost/advice/syntax/tree.ts'
import { AnalysisThread } from '../../../src/cost/advice/worker/analysis-thread.ts'
import type { TableFacts } from '../../../src/query/billing/source-cost.ts'

/** The parser, without its thread. */
export const parse: Parse = (sql) => parseCst(sql) as readonly unknown[] as readonly RawNode[]

const PATIENCE_MS = 60_000

/** A thread that a busy machine may start and run slowly. */
export const patientThread = () => new AnalysisThread(PATIENCE_MS, PATIENCE_MS)

/** An advisor without a time limit that a test would reach. */
export const patientAdvisor = () => new Advisor({ adviceMs: PATIENCE_MS, thread: patientThread() })

/** 2024-05-17, noon of UTC. */
export const now = Date.UTC(2024, 4, 17, 12)

const columns = (list: string) =>
  list.split(' ').map((each) => {
    const [name, type] = each.split(':') as [string, string]
    return { name, type }
  })

/** Tables of the tests, by the last part of their names. */
export const tables: Readonly<Record<string, TableFacts>> = {
  events: {
    columns: columns('id:INT64 user_id:INT64 ts:TIMESTAMP kind:STRING payload:STRING amount:NUMERIC'),
    bytes: 40e9,
    rows: 100e6,
    partitionColumn: 'ts',
    partitionType: 'TIMESTAMP',
    clusterColumns: ['user_id', 'kind'],
    kind: 'TABLE',
  },
  events_old: {
    columns: columns('id:INT64 user_id:INT64 ts:TIMESTAMP kind:STRING payload:STRING amount:NUMERIC'),
    bytes: 40e9,
    rows: 100e6,
    partitionColumn: 'ts',
    partitionType: 'TIMESTAMP',
    kind: 'TABLE',
  },
  orders: {
    columns: columns('o_id:INT64 o_user:INT64 o_date:DATE o_status:STRING o_comment:STRING o_key:STRING'),
    bytes: 10e9,
    rows: 50e6,
    partitionColumn: 'o_date',
    partitionType: 'DATE',
    kind: 'TABLE',
  },
  logs: {
    columns: columns('line:STRING level:STRING'),
    bytes: 5e9,
    rows: 10e6,
    partitionColumn: '_PARTITIONTIME',
    partitionType: 'TIMESTAMP',
    kind: 'TABLE',
  },
  users: { columns: columns('id:INT64 name:STRING key:STRING'), bytes: 1e9, rows: 5e6, kind: 'TABLE' },
}

/** What the rules find in a text, with these tables in any dataset. */
export function adviseOn(sql: string): readonly Suggestion[] {
  const facts = new Map<string, TableFacts>()
  for (const path of tablesOf(sql, parse) ?? []) {
    const known = tables[path.at(-1)!]
    if (known) facts.set(factsKey(path), known)
  }
  return suggestionsOf(sql, facts, now, parse)
}

/** The text with the suggestion of a rule applied; undefined if there is no such suggestion, or if it cannot be applied. */
export function rewritten(sql: string, rule: string): string | undefined {
  const found = adviseOn(sql).find((suggestion) => suggestion.rule === rule && suggestion.edits)
  return found && applyEdits(sql, found.edits!)
}
