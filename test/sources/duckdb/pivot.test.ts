import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Int32, Table, tableFromIPC, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFrame } from '../../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../../src/arrow/ipc/ipc.ts'
import { decodeSchema } from '../../../src/arrow/schema.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Context, Plan, PlannedSql, Query } from '../../../src/query/types.ts'
import { DemoSource } from '../../fault/demo-source.ts'

const init = [
  "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 1, 10), (1, 'b', 2, 20), (2, 'a', 1, 30)) v(id, c, d, v)",
  'CREATE TABLE other (i INTEGER)',
  'CREATE SEQUENCE counter',
]
const leftTypes = "SELECT count(*)::INTEGER AS n FROM duckdb_types() WHERE contains(type_name, 'pivot')"
const pivot = 'PIVOT (SELECT id, c, v FROM t) ON c USING sum(v)::INTEGER ORDER BY id'
const pivoted = [
  { id: 1, a: 10, b: 20 },
  { id: 2, a: 30, b: null },
]

/** Runs statements at a source. */
class Speaker {
  readonly source: Source
  readonly context: Context

  constructor(demo: DemoSource) {
    this.source = demo.source
    this.context = demo.context()
  }

  plan(sql: string, more: Partial<Query> = {}): Promise<Plan> {
    return this.source.plan({ source: 'demo', sql, session: {}, purpose: 'any', ...more }, this.context)
  }

  async run(plan: PlannedSql): Promise<object[]> {
    const result = await this.source.run(plan, this.context)
    const messages = [{ header: readFrame(result.schema).header, body: new Uint8Array(0) }]
    for await (const frames of result.frames)
      for (const frame of frames) {
        const { header, body } = readFrame(frame)
        messages.push({ header, body: Uint8Array.from(body) })
        frame.release?.()
      }
    return tableFromIPC(joinStream(messages))
      .toArray()
      .map((row) => row.toJSON())
  }

  async ask(sql: string, more: Partial<Query> = {}): Promise<object[]> {
    return await this.run(await this.plan(sql, more))
  }

  refusal(sql: string, more: Partial<Query> = {}): Promise<unknown> {
    return this.ask(sql, more).catch((error) => error)
  }
}

const columns = ({ schema }: Plan) => decodeSchema(schema).children.map(({ name }) => name)

describe('a PIVOT without an IN list', () => {
  let demo: DemoSource
  let to: Speaker
  beforeAll(async () => {
    // All statements share one connection.
    demo = await DemoSource.open({ init, maxStreams: 1 })
    to = new Speaker(demo)
  })
  afterAll(async () => {
    await demo.source.close()
  })

  it.each([
    ['alone', pivot, pivoted],
    ['twice', pivot, pivoted],
    ['with comments and semicolons around it', `/* a; PIVOT; */ ${pivot}; -- ; SELECT 1`, pivoted],
    ['after empty statements', `;; ${pivot} ;`, pivoted],
    [
      'with semicolons in a literal',
      `PIVOT (SELECT id, v, ';SELECT '';' AS c FROM t) ON c USING count(*)::INTEGER ORDER BY id, v LIMIT 1`,
      [{ id: 1, v: 10, ";SELECT ';": 1 }],
    ],
    [
      'with semicolons in a dollar-quoted literal',
      'FROM (PIVOT t ON c USING sum(v)) SELECT DISTINCT $$;SELECT 1;$$ AS x',
      [{ x: ';SELECT 1;' }],
    ],
    ['as PIVOT_WIDER', pivot.replace('PIVOT', 'pivot_wider'), pivoted],
    ['in WITH', `WITH p AS (${pivot}) SELECT a FROM p ORDER BY a`, [{ a: 10 }, { a: 30 }]],
    ['in FROM', `SELECT x.b FROM (${pivot}) x WHERE b IS NOT NULL`, [{ b: 20 }]],
    [
      'of two columns',
      'FROM (PIVOT (SELECT c, d, v FROM t) ON c, d USING sum(v)::INTEGER)',
      [{ a_1: 40, a_2: null, b_1: null, b_2: 20 }],
    ],
    [
      'of a PIVOT',
      `PIVOT (${pivot}) ON id USING max(a) GROUP BY b ORDER BY b`,
      [
        { b: 20, 1: 10, 2: null },
        { b: null, 1: null, 2: 30 },
      ],
    ],
    [
      'next to another',
      `SELECT (SELECT sum(a)::INTEGER FROM (${pivot})) AS x, (SELECT sum(b)::INTEGER FROM (${pivot})) AS y`,
      [{ x: 40, y: 20 }],
    ],
    ['of no rows', 'PIVOT (SELECT id, c, v FROM t WHERE false) ON c USING sum(v)', []],
  ])('gives rows %s', async (_, sql, rows) => {
    expect(await to.ask(sql)).toEqual(rows)
    expect(await to.ask(sql)).toEqual(rows)
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it('accepts parameters outside the PIVOT, and refuses them inside', async () => {
    const parameters = tableToIPC(new Table({ p: vectorFromArray([1, 2, 3], new Int32()) }), 'stream')
    const sql = `WITH p AS (${pivot}) SELECT a FROM p WHERE id = ?`
    expect(await to.ask(sql, { parameters })).toEqual([{ a: 10 }, { a: 30 }])
    expect(await to.refusal('PIVOT (FROM t WHERE id = ?) ON c USING sum(v)')).toMatchObject({
      code: 'BAD_SQL',
      message: expect.stringContaining('IN (val1, val2, ...)'),
    })
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it('works in EXPLAIN, CREATE TABLE AS and INSERT', async () => {
    expect(await to.ask(`EXPLAIN ${pivot}`)).toHaveLength(1)
    await to.ask(`CREATE TABLE made AS ${pivot}`)
    expect(await to.ask('FROM made')).toEqual(pivoted)
    expect(await to.ask(`INSERT INTO made ${pivot}`)).toMatchObject([{}])
    expect(await to.ask(`INSERT INTO made ${pivot} RETURNING a`)).toEqual([{ a: 10 }, { a: 30 }])
    expect(await to.ask('SELECT count(*)::INTEGER AS n FROM made')).toEqual([{ n: 6 }])
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it.each([
    'SELECT 1; DROP TABLE t',
    'PIVOT t ON c USING sum(v); DROP TABLE t',
    'DROP TABLE t; PIVOT t ON c USING sum(v)',
    'PIVOT t ON c USING sum(v); PIVOT t ON c USING sum(v)',
    'CREATE TABLE x AS PIVOT t ON c USING sum(v); DROP TABLE t',
    'CREATE TABLE x (i INTEGER); SELECT 1 /* PIVOT */',
    "CREATE TABLE x AS SELECT 'PIVOT' AS i; FROM x -- PIVOT",
    'BEGIN; CREATE TABLE pivot_table (i INTEGER); COMMIT',
    "PIVOT t ON c USING sum(v) /* ; */ ; SELECT ';'",
    "PIVOT (SELECT ')' AS c) ON c; SELECT '('",
    'PIVOT t ON c USING sum(v);\u00a0DROP TABLE t',
    `PIVOT (SELECT $$'$$ AS c) ON c; DROP TABLE t; SELECT $$'$$`,
    'PIVOT (SELECT 1 AS `c) ON `c; DROP TABLE t; SELECT 2 AS `',
  ])('is refused next to another statement: %s', async (sql) => {
    await refusesBesideAnother(sql)
  })

  it('is refused with 300,000 semicolons', async () => {
    await refusesBesideAnother(`PIVOT t ON c USING sum(v) ${';'.repeat(300_000)} DROP TABLE t`)
  })

  async function refusesBesideAnother(sql: string): Promise<void> {
    const tables = 'SELECT list(table_name ORDER BY ALL)::VARCHAR AS names FROM duckdb_tables()'
    const before = await to.ask(tables)
    expect(await to.refusal(sql)).toMatchObject({ code: 'BAD_SQL' })
    await to.source.transactions!.begin('mine', { readOnly: false }, to.context)
    expect(await to.refusal(sql, { transaction: 'mine' })).toMatchObject({ code: 'BAD_SQL' })
    await to.source.transactions!.commit('mine', to.context)
    expect(await to.ask(tables)).toEqual(before)
  }

  it('pivoted values changed since planning: CONFLICT, and a new plan works', async () => {
    const planned = await to.plan(pivot)
    expect(columns(planned)).toEqual(['id', 'a', 'b'])
    await to.ask("INSERT INTO t VALUES (3, 'c', 3, 40)")
    expect(await to.run(planned).catch((error) => error)).toMatchObject({ code: 'CONFLICT' })
    const again = await to.plan(pivot)
    expect(columns(again)).toEqual(['id', 'a', 'b', 'c'])
    expect(await to.run(again)).toHaveLength(3)
    await to.ask('DELETE FROM t WHERE id = 3')
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it('sees its transaction’s changes, and leaves no types in it', async () => {
    const mine = { transaction: 'mine' }
    for (const end of ['commit', 'rollback'] as const) {
      await to.source.transactions!.begin('mine', { readOnly: false }, to.context)
      await to.ask("INSERT INTO t VALUES (3, 'c', 3, 40)", mine)
      const planned = await to.plan(pivot, mine)
      expect(columns(planned)).toEqual(['id', 'a', 'b', 'c'])
      expect(await to.run(planned)).toHaveLength(3)
      expect(await to.refusal('SELECT nope FROM (PIVOT t ON c USING sum(v))', mine)).toMatchObject({ code: 'BAD_SQL' })
      expect(await to.ask(leftTypes, mine)).toEqual([{ n: 0 }])
      await to.ask(`CREATE TABLE ${end} AS ${pivot}`, mine)
      expect(await to.ask(leftTypes, mine)).toEqual([{ n: 0 }])
      await to.source.transactions![end]('mine', to.context)
      expect(await to.ask('DELETE FROM t WHERE id = 3 RETURNING id')).toHaveLength(end === 'commit' ? 1 : 0)
    }
    expect(await to.ask('FROM commit')).toHaveLength(3)
    expect(await to.refusal('FROM rollback')).toMatchObject({ code: 'UNKNOWN_OBJECT' })
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it.each([
    ['a short name, which is stored inline', "'AAAABBBBBBBB'"],
    ['a name that holds SQL', "rpad('x\";CREATE TABLE injected(a INT);--', 49, '-')"],
  ])('is not misled by a macro named as a function that the gateway calls: %s', async (_, name) => {
    await to.ask(`CREATE MACRO duckdb_types() AS TABLE SELECT ${name} AS type_name, 'temp' AS database_name`)
    await to.ask('CREATE MACRO regexp_full_match(a, b) AS true')
    try {
      const mine = { transaction: 'mine' }
      await to.source.transactions!.begin('mine', { readOnly: false }, to.context)
      await to.ask("CREATE TEMP TYPE x AS ENUM ('a')", mine)
      expect(await to.ask(pivot, mine)).toEqual(pivoted)
      await to.source.transactions!.commit('mine', to.context)
      expect(await to.ask(pivot)).toEqual(pivoted)
      expect(await to.refusal('FROM injected')).toMatchObject({ code: 'UNKNOWN_OBJECT' })
    } finally {
      await to.ask('DROP MACRO TABLE duckdb_types')
      await to.ask('DROP MACRO regexp_full_match')
    }
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it('is refused with more values than a result should have columns', async () => {
    const many = 'PIVOT (SELECT i::VARCHAR AS c FROM range(10001) t(i)) ON c USING count(*)'
    expect(await to.refusal(many)).toMatchObject({ message: expect.stringContaining('10000') })
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })

  it('that fails leaves the connection usable and without types', async () => {
    const failing = "PIVOT (SELECT error('boom') AS c FROM t) ON c USING count(*)"
    expect(await to.refusal(failing)).toMatchObject({ code: 'BAD_DATA', message: expect.stringContaining('boom') })
    expect(await to.refusal('PIVOT nope ON c')).toMatchObject({ code: 'UNKNOWN_OBJECT' })
    expect(await to.refusal("PIVOT (SELECT nextval('counter') AS c) ON c")).toMatchObject({ code: 'READ_ONLY' })
    expect(await to.ask(pivot)).toEqual(pivoted)
    expect(await to.ask(leftTypes)).toEqual([{ n: 0 }])
  })
})

describe('a PIVOT without an IN list in a read-only source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-pivot-'))
  const path = join(folder, 'file.duckdb')
  let demo: DemoSource
  let to: Speaker
  beforeAll(async () => {
    const maker = await DemoSource.open({
      path,
      init: init.map((sql) => sql.replace(/^CREATE (TABLE|SEQUENCE)/, 'CREATE OR REPLACE $1')),
    })
    await maker.source.close()
    demo = await DemoSource.open({ path, writes: false })
    to = new Speaker(demo)
  })
  afterAll(async () => {
    await demo.source.close()
    rmSync(folder, { recursive: true })
  })

  it('gives rows, also in a transaction and concurrently', async () => {
    expect(await Promise.all(Array.from({ length: 12 }, () => to.ask(pivot)))).toEqual(Array(12).fill(pivoted))
    await to.source.transactions!.begin('mine', { readOnly: true }, to.context)
    expect(await to.ask(pivot, { transaction: 'mine' })).toEqual(pivoted)
    expect(await to.ask(leftTypes, { transaction: 'mine' })).toEqual([{ n: 0 }])
    await to.source.transactions!.commit('mine', to.context)
    expect(await to.refusal(`CREATE TABLE x AS ${pivot}`)).toMatchObject({ code: 'READ_ONLY' })
    expect(await Promise.all(Array.from({ length: 4 }, () => to.ask(leftTypes)))).toEqual(Array(4).fill([{ n: 0 }]))
  })
})
