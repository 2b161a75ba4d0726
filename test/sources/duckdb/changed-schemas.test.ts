import { Float64, Int32, Table, tableFromIPC, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readFrame } from '../../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../../src/arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema } from '../../../src/arrow/schema.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Plan, PlannedSql, Query } from '../../../src/query/types.ts'
import { encodeResult } from '../../../src/sources/duckdb/encode/encode-result.ts'
import {
  closeDatabase,
  connect,
  disconnect,
  execute,
  openDatabase,
} from '../../../src/sources/duckdb/native/database.ts'
import type { Address } from '../../../src/sources/duckdb/native/library.ts'
import { PreparedStatement } from '../../../src/sources/duckdb/native/prepared-statement.ts'
import { DemoSource, outcomeOf } from '../../fault/demo-source.ts'

const values = {
  integer: 'i::INTEGER',
  bigint: 'i',
  'narrow decimal': '(i % 10)::DECIMAL(4,1)',
  decimal: 'i::DECIMAL(38,4)',
  double: 'i / 7',
  boolean: 'i % 2 = 0',
  'short texts': 'i::VARCHAR',
  'long texts': 'repeat(i::VARCHAR, 9)',
  uuid: 'md5(i::VARCHAR)::UUID',
  enum: "['a', 'b'][1 + i % 2]::ENUM('a', 'b')",
  list: 'range(i % 5)',
  struct: "{'a': i, 'b': i::VARCHAR}",
  nulls: 'CASE WHEN i % 3 = 0 THEN NULL ELSE i END',
}
const kinds = Object.keys(values) as (keyof typeof values)[]
const rowsOf = (kind: keyof typeof values) => `SELECT ${values[kind]} AS v FROM range(3000) t(i)`

describe('the result of a statement prepared before its table changed', () => {
  let database: Address
  let reader: Address
  let owner: Address
  beforeAll(() => {
    database = openDatabase(':memory:', {})
    reader = connect(database)
    owner = connect(database)
  })
  afterAll(() => {
    for (const connection of [reader, owner]) disconnect(connection)
    closeDatabase(database)
  })

  const change = (kind: keyof typeof values) => execute(owner, `CREATE OR REPLACE TABLE t AS ${rowsOf(kind)}`)
  /** The bytes of the statement's result; `between` runs after it was prepared. */
  const read = (between = () => {}) => {
    const statement = new PreparedStatement(reader, 'SELECT v FROM t')
    statement.schema()
    between()
    const result = statement.execute()
    try {
      const allocate = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes))
      const batches = [
        ...encodeResult(result, { batchRows: 65_536, batchBytes: 2 << 20 }, allocate, {
          losslessTypes: true,
          dictionaries: true,
        }),
      ]
      return [
        encodeSchema(result.schema()),
        ...batches.flatMap(({ header, body, bodyLength }) => [header, body.slice(0, bodyLength)]),
      ]
    } finally {
      result.close()
      statement.close()
    }
  }

  it.each(kinds)('has the values and the schema of the new table: %s', (now) => {
    change(now)
    const expected = read()
    for (const before of kinds) {
      change(before)
      expect(
        read(() => change(now)),
        before,
      ).toEqual(expected)
    }
  })
})

describe('a statement whose table changes between GetFlightInfo and DoGet', () => {
  let demo: DemoSource
  let source: Source
  beforeEach(async () => {
    demo = await DemoSource.open({ init: ['CREATE TABLE t AS SELECT range::INTEGER AS v FROM range(10)'] })
    source = demo.source
  })
  afterEach(() => source.close())

  const query = (sql: string, more: Partial<Query> = {}): Query => ({
    source: 'demo',
    sql,
    session: {},
    purpose: 'any',
    ...more,
  })
  const plan = (sql: string, more: Partial<Query> = {}) => source.plan(query(sql, more), demo.context())
  const read = async (runnable: PlannedSql) => {
    const result = await source.run(runnable, demo.context())
    const messages = [{ header: readFrame(result.schema).header, body: new Uint8Array(0) }]
    for await (const frames of result.frames)
      for (const frame of frames) {
        const { header, body } = readFrame(frame)
        messages.push({ header, body: Uint8Array.from(body) })
        frame.release?.()
      }
    return tableFromIPC(joinStream(messages)).toArray() as { readonly v: unknown }[]
  }
  const change = async (sql: string) => expect(await demo.run(sql, { isUpdate: true })).toBe('OK')
  const makeTexts = () => change("CREATE OR REPLACE TABLE t AS SELECT 'text ' || range AS v FROM range(3)")
  const formatsOf = ({ schema }: Plan) => decodeSchema(schema).children.map(({ format }) => format)
  const refusal = (runnable: PlannedSql) => read(runnable).catch((error) => error)

  it('client gets CONFLICT; planned again, the statement has the new schema', async () => {
    const planned = await plan('SELECT v FROM t')
    await makeTexts()
    expect(await refusal(planned)).toMatchObject({
      code: 'CONFLICT',
      message:
        "The table's columns changed since this statement was planned: run it again, beginning with GetFlightInfo.",
    })
    // The same for a ticket, which holds no schema.
    const { query: asked, kind, handle } = planned
    expect(await refusal({ kind, query: asked, handle: handle! })).toMatchObject({ code: 'CONFLICT' })
    const again = await plan('SELECT v FROM t')
    expect(formatsOf(again)).toEqual(['u'])
    expect((await read(again)).map(({ v }) => v)).toEqual(['text 0', 'text 1', 'text 2'])
  })

  it('only rows changed: runs as planned', async () => {
    const planned = await plan('SELECT v FROM t')
    await change('CREATE OR REPLACE TABLE t AS SELECT 7 AS v')
    expect((await read(planned)).map(({ v }) => v)).toEqual([7])
  })

  it('its own transaction changed the table’s types: client gets CONFLICT', async () => {
    await source.transactions!.begin('mine', { readOnly: false }, demo.context())
    const planned = await plan('SELECT v FROM t', { transaction: 'mine' })
    expect(await demo.run('ALTER TABLE t ADD COLUMN w INTEGER', { isUpdate: true, transaction: 'mine' })).toBe('OK')
    expect(await read(planned)).toHaveLength(10)
    expect(await demo.run('ALTER TABLE t ALTER v TYPE VARCHAR', { isUpdate: true, transaction: 'mine' })).toBe('OK')
    expect(await refusal(planned)).toMatchObject({ code: 'CONFLICT' })
    const other = await plan('SELECT v FROM t')
    expect(formatsOf(other)).toEqual(['i'])
    await source.transactions!.commit('mine', demo.context())
    expect(formatsOf(await plan('SELECT v FROM t'))).toEqual(['u'])
  })

  it('RETURNING would give rows of another type: CONFLICT, and nothing is changed', async () => {
    const planned = await plan('DELETE FROM t RETURNING v')
    await makeTexts()
    expect(await refusal(planned)).toMatchObject({ code: 'CONFLICT' })
    expect(await read(await plan('SELECT v FROM t'))).toHaveLength(3)
    expect(await read(await plan('DELETE FROM t RETURNING v'))).toHaveLength(3)
    expect(await read(await plan('SELECT v FROM t'))).toHaveLength(0)
  })

  it('with parameters: CONFLICT when the table changed, no CONFLICT when only their types change the result', async () => {
    const parameters = tableToIPC(new Table({ p: vectorFromArray([1], new Int32()) }), 'stream')
    const planned = await plan('SELECT v FROM t WHERE ? = 1')
    await makeTexts()
    expect(await refusal({ ...planned, query: { ...planned.query, parameters } })).toMatchObject({ code: 'CONFLICT' })
    const again = await plan('SELECT v FROM t WHERE ? = 1')
    expect(await read({ ...again, query: { ...again.query, parameters } })).toHaveLength(3)
    const untyped = await plan('SELECT length(v) + ? AS v FROM t')
    const fraction = tableToIPC(new Table({ p: vectorFromArray([0.5], new Float64()) }), 'stream')
    expect(await read({ ...untyped, query: { ...untyped.query, parameters: fraction } })).toMatchObject([
      { v: 6.5 },
      { v: 6.5 },
      { v: 6.5 },
    ])
  })

  it('an EXPLAIN ANALYZE changed the table: the statement is planned again', async () => {
    expect(formatsOf(await plan('SELECT v FROM t'))).toEqual(['i'])
    const explained = await plan("EXPLAIN ANALYZE CREATE OR REPLACE TABLE t AS SELECT 'x' AS v")
    await read({ ...explained, kind: 'read', mayWrite: true })
    const again = await plan('SELECT v FROM t')
    expect(formatsOf(again)).toEqual(['u'])
    expect(await outcomeOf(read(again))).toBe('OK')
  })
})
