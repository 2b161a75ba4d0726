import type { FieldSchema, Row } from '../schema.ts'
import { StatementContext } from '../sql/context.ts'
import { statementsOf } from '../sql/cst.ts'
import { compileQuery } from '../sql/query.ts'
import { restRow } from '../sql/values.ts'
import type { FakeState } from '../state.ts'
import type { FakeTable, RowSource } from '../table.ts'
import { batchMessage } from './ipc.ts'

/** The rows of one read session, divided into streams. */
export interface ReadSession {
  readonly name: string
  readonly schema: readonly FieldSchema[]
  readonly rows: RowSource
  /** First row and row behind the last, by the stream's name. */
  readonly streams: ReadonlyMap<string, { readonly start: number; readonly end: number }>
  readonly createdAt: number
  readonly estimatedBytes: number
}

/** What CreateReadSession asks for. */
export interface SessionRequest {
  readonly table: FakeTable
  readonly selectedFields: readonly string[]
  readonly rowRestriction: string
  readonly maxStreamCount: number
  readonly preferredMinStreamCount: number
}

/** Makes a session. @throws ApiError for a restriction that is no expression */
export function openSession(state: FakeState, request: SessionRequest, name: string): ReadSession {
  const { table, selectedFields, rowRestriction } = request
  const indexes = table.schema.flatMap((field, index) =>
    selectedFields.length === 0 || selectedFields.includes(field.name) ? [index] : [],
  )
  const schema = indexes.map((index) => table.schema[index]!)
  const all = rowRestriction ? restricted(state, table, rowRestriction) : table.rows
  const { length, repeatsAfter } = all
  const whole = indexes.length === table.schema.length
  const rows: RowSource = whole
    ? all
    : {
        length,
        ...(repeatsAfter && { repeatsAfter }),
        at: (index) => ({ f: indexes.map((position) => all.at(index).f[position]!) }),
      }
  const streams = new Map<string, { start: number; end: number }>()
  const count = streamCount(state, table, request)
  const weights = Array.from({ length: count }, (_, index) => (state.options.lopsided && index === 0 ? count * 4 : 1))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  let [start, before] = [0, 0]
  for (const [index, weight] of weights.entries()) {
    before += weight
    const end = Math.round((length * before) / sum)
    streams.set(`${name}/streams/stream${index}`, { start, end })
    start = end
  }
  const estimatedBytes = schema.reduce((total, field) => total + table.columnBytes(field.name), 0)
  return { name, schema, rows, streams: length === 0 ? new Map() : streams, createdAt: Date.now(), estimatedBytes }
}

/** Small tables get one stream whatever is asked for; without a wish the server gives one. */
function streamCount(
  state: FakeState,
  table: FakeTable,
  { maxStreamCount, preferredMinStreamCount }: SessionRequest,
): number {
  if (table.numBytes < (state.options.smallTableBytes ?? 1_000_000)) return 1
  const wanted = Math.max(1, preferredMinStreamCount, maxStreamCount)
  return Math.max(1, Math.min(wanted, state.options.maxStreams ?? 8, table.rows.length))
}

function restricted(state: FakeState, table: FakeTable, restriction: string): RowSource {
  const [select] = statementsOf(`SELECT * FROM \`${table.path}\` WHERE ${restriction}`)
  const context = new StatementContext(state.tables, table.project, undefined, [], [])
  const rows: Row[] = []
  for (const row of compileQuery(select!, context).rows()) rows.push(restRow(row.slice(0, table.schema.length)))
  return { length: rows.length, at: (index) => rows[index]! }
}

const prepared = new WeakMap<RowSource, Map<string, Buffer>>()

/** Rows of a session as one message; those of rows that repeat are encoded once. */
export function batchOf({ rows, schema }: Pick<ReadSession, 'rows' | 'schema'>, start: number, count: number): Buffer {
  const period = rows.repeatsAfter
  const first = period ? start % period : start
  const key = `${first}:${count}`
  const known = period && prepared.get(rows)?.get(key)
  if (known) return known
  const batch = batchMessage(
    Array.from({ length: count }, (_, index) => rows.at(first + index)),
    schema,
  )
  if (period) {
    const all = prepared.get(rows) ?? new Map<string, Buffer>()
    prepared.set(rows, all)
    all.set(key, batch)
  }
  return batch
}
