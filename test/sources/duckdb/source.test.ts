import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Table, tableFromIPC, tableToIPC, Utf8, type Vector, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFrame } from '../../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../../src/arrow/ipc/ipc.ts'
import { decodeSchema } from '../../../src/arrow/schema.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Context, Query } from '../../../src/query/types.ts'
import type { DuckDbConfig } from '../../../src/sources/duckdb/settings.ts'
import { openDuckDbSource } from '../../../src/sources/duckdb/source.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const never = new AbortController().signal
const defaults: DuckDbConfig = {
  path: ':memory:',
  init: [],
  writes: false,
  losslessTypes: true,
  maxStreams: 4,
  batchRows: 65_536,
  batchBytes: 2 << 20,
}
const open = (changes: Partial<DuckDbConfig> = {}) =>
  openDuckDbSource('demo', { ...defaults, ...changes }, { log: quiet })
const context = (signal: AbortSignal = never): Context => ({
  principal: { name: 'tester', roles: ['reader'] },
  signal,
  deadlineAt: Number.POSITIVE_INFINITY,
  requestId: 'r',
  log: quiet,
})
const query = (sql: string): Query => ({ source: 'demo', sql, session: {}, purpose: 'any' })

async function read(source: Source, sql: string, signal = never) {
  const ctx = context(signal)
  const result = await source.run(await source.plan(query(sql), ctx), ctx)
  const sizes: number[] = []
  let rows = 0
  for await (const frames of result.frames)
    for (const frame of frames) {
      rows += frame.rows
      sizes.push(frame.byteLength)
      frame.release?.()
    }
  return { rows, sizes, schema: result.schema }
}
const refusal = async (source: Source, sql: string) => {
  const error = await read(source, sql).catch((thrown) => thrown)
  if (!(error instanceof GatewayError)) throw new Error(`${sql} was not refused: ${error}`)
  return error
}

describe('a read-only DuckDB source', () => {
  let source: Source
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-duckdb-'))
  beforeAll(async () => {
    const init = [
      "CREATE TABLE t AS SELECT range AS i, 'v' || range AS s FROM range(10)",
      'CREATE SEQUENCE counter',
      `COPY t TO '${folder}/t.csv'`,
    ]
    source = await open({ init, sample: { tpch: 0.001 } })
  })
  afterAll(async () => {
    await source?.close()
    rmSync(folder, { recursive: true })
  })

  it('finds its tables by the catalog name of the source', async () => {
    expect((await read(source, 'SELECT * FROM demo.main.t')).rows).toBe(10)
    expect((await read(source, 'SELECT * FROM t')).rows).toBe(10)
  })

  it('empty result: sends the schema and no batch', async () => {
    const { rows, sizes, schema } = await read(source, 'SELECT * FROM t WHERE false')
    expect([rows, sizes, schema.byteLength > 50]).toEqual([0, [], true])
  })

  it('merges chunks into batches near the limit and splits large ones', async () => {
    const joined = await read(source, 'SELECT range, range + 1 FROM range(1000000)')
    expect(joined.rows).toBe(1_000_000)
    expect(joined.sizes.length).toBeLessThan(20)
    const long = await read(source, "SELECT repeat('x', 100000) || range AS s FROM range(2000)")
    expect(long.rows).toBe(2000)
    expect(Math.max(...long.sizes)).toBeLessThan(4 << 20)
  })

  it.each([
    ['selec 1', 'BAD_SQL', { line: 1, column: 1 }],
    ['SELECT 1,\n  2 +\nFROM t', 'BAD_SQL', undefined],
    ['SELECT * FROM nope', 'UNKNOWN_OBJECT', { line: 1, column: 15 }],
    ['SELECT * FROM nope.nope.nope', 'UNKNOWN_OBJECT', undefined],
    ['SELECT nope FROM t', 'BAD_SQL', { line: 1, column: 8 }],
    ['SELECT\n  nope(1)', 'BAD_SQL', { line: 2, column: 3 }],
    ["SELECT 'x'::INTEGER", 'BAD_DATA', undefined],
    ["SELECT CASE WHEN range > 150000 THEN error('boom') ELSE '' END FROM range(200000)", 'BAD_DATA', undefined],
    ['SELECT 1; SELECT 2', 'BAD_SQL', undefined],
    ['   -- nothing', 'BAD_SQL', undefined],
    ['SELECT ?', 'BAD_SQL', undefined],
    ['BEGIN', 'BAD_SQL', undefined],
    ['PREPARE p AS SELECT 1', 'BAD_SQL', undefined],
  ] as const)('%j is refused with its code and place', async (sql, code, position) => {
    const error = await refusal(source, sql)
    expect([error.code, error.message.length > 10]).toEqual([code, true])
    if (position) expect(error.position).toEqual(position)
  })

  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    `SELECT * FROM '${folder}/t.csv'`,
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM 'https://example.com/x.parquet'",
    `COPY t TO '${folder}/out.csv'`,
    `COPY t FROM '${folder}/t.csv'`,
    `EXPORT DATABASE '${folder}/out'`,
    `ATTACH '${folder}/other.duckdb'`,
    "ATTACH ':memory:' AS other",
    'DETACH demo',
    'LOAD httpfs',
    'INSTALL httpfs',
    "SET memory_limit = '10GB'",
    'SET enable_external_access = true',
    'RESET lock_configuration',
    'PRAGMA threads = 8',
    'SET VARIABLE x = 1',
    "SELECT * FROM enable_logging(storage = 'memory')",
    `CALL "ENABLE_LOGGING"(storage = 'file', storage_path = '${folder}/log')`,
    "FROM query('SELECT * FROM enable_' || 'logging()')",
    "FROM query /* gap */ -- line\n ('SELECT 1')",
    'SELECT * FROM U&"enable\\005Flogging"()',
    'CALL enable_profiling()',
    'SELECT * FROM duckdb_logs',
    'CALL force_checkpoint()',
    'CHECKPOINT',
    'FORCE CHECKPOINT',
    'checkpoint demo',
    'SELECT * FROM "checkpoint"()',
    'SELECT * FROM duckdb_secrets()',
  ])('the sandbox refuses %s', async (sql) => {
    const error = await refusal(source, sql)
    expect(['SANDBOXED', 'READ_ONLY', 'BAD_SQL', 'UNKNOWN_OBJECT']).toContain(error.code)
    expect(error.message).not.toContain(folder)
    expect(readdirSync(folder)).toEqual(['t.csv'])
    expect((await read(source, 'SELECT * FROM t')).rows).toBe(10)
  })

  it.each([
    'INSERT INTO t VALUES (1, 2)',
    'UPDATE t SET i = 0',
    'DELETE FROM t',
    'CREATE TABLE x (i INTEGER)',
    'CREATE TEMP TABLE x (i INTEGER)',
    'CREATE OR REPLACE VIEW v AS SELECT 1',
    'DROP TABLE t',
    'ALTER TABLE t ADD COLUMN x INTEGER',
    'CREATE MACRO m(a) AS a',
    'VACUUM',
    'EXPLAIN ANALYZE INSERT INTO t VALUES (1, 2)',
    "SELECT nextval('counter')",
    'MERGE INTO t USING (SELECT 1 AS i) AS u ON t.i = u.i WHEN MATCHED THEN DELETE',
    'CREATE TYPE mood AS ENUM (1)',
  ])('READ_ONLY: %s', async (sql) => {
    const error = await refusal(source, sql)
    expect([error.code, error.message]).toEqual([
      expect.stringMatching(/READ_ONLY|BAD_SQL/),
      expect.stringMatching(/sources.demo.writes: true|Parser Error/),
    ])
    expect((await read(source, 'SELECT * FROM t')).rows).toBe(10)
  })

  it('has the eight TPC-H sample tables with consistent keys', async () => {
    const sql = `SELECT 1 FROM lineitem
      JOIN orders ON o_orderkey = l_orderkey JOIN customer ON c_custkey = o_custkey
      JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
      JOIN part ON p_partkey = l_partkey JOIN supplier ON s_suppkey = l_suppkey
      JOIN nation ON n_nationkey = c_nationkey JOIN region ON r_regionkey = n_regionkey`
    const { rows } = await read(source, 'SELECT * FROM lineitem')
    expect(rows).toBeGreaterThan(5000)
    expect((await read(source, sql)).rows).toBe(rows)
    const invalid = "SELECT 1 FROM orders WHERE o_totalprice IS NULL OR o_orderstatus NOT IN ('F', 'O', 'P')"
    expect((await read(source, invalid)).rows).toBe(0)
  })

  it('answers health checks', async () => {
    expect((await source.health(context())).ok).toBe(true)
  })

  const endless = 'SELECT range, hash(range) FROM range(100000000000)'
  const slow = 'SELECT sum(hash(a.range * 31 + b.range)) FROM range(100000) a, range(100000) b'

  it('stops before the first row when the signal aborts', async () => {
    const controller = new AbortController()
    const reason = new GatewayError('CANCELLED')
    const reading = read(source, slow, controller.signal)
    setTimeout(() => controller.abort(reason), 50)
    await expect(reading).rejects.toBe(reason)
    expect((await read(source, 'SELECT 1')).rows).toBe(1)
  })

  it('stops in the middle of a stream, on abort or when the reader returns early', async () => {
    const controller = new AbortController()
    const ctx = context(controller.signal)
    const plan = await source.plan(query(endless), ctx)
    const bySignal = (await source.run(plan, ctx)).frames[Symbol.asyncIterator]()
    await bySignal.next()
    controller.abort(new GatewayError('CANCELLED'))
    await expect(
      (async () => {
        for (;;) await bySignal.next()
      })(),
    ).rejects.toMatchObject({ code: 'CANCELLED' })
    const byLeaving = (await source.run(plan, context())).frames[Symbol.asyncIterator]()
    await byLeaving.next()
    await byLeaving.return?.()
    const unread = (await source.run(plan, context())).frames[Symbol.asyncIterator]()
    await unread.return?.()
    expect((await read(source, 'SELECT 1')).rows).toBe(1)
  })

  it('cancelled while it waits for a connection: stops, and no connection is lost', async () => {
    const held = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const ctx = context()
        return (await source.run(await source.plan(query(endless), ctx), ctx)).frames[Symbol.asyncIterator]()
      }),
    )
    const controller = new AbortController()
    const waiting = read(source, 'SELECT 1', controller.signal)
    const reason = new GatewayError('CANCELLED')
    setTimeout(() => controller.abort(reason), 20)
    await expect(waiting).rejects.toBe(reason)
    const patient = read(source, 'SELECT 1')
    await Promise.all(held.map((each) => each.return?.()))
    expect((await patient).rows).toBe(1)
  })

  it('reader does not read: memory growth stays below 64 MiB', async () => {
    const ctx = context()
    const result = await source.run(await source.plan(query(endless), ctx), ctx)
    const frames = result.frames[Symbol.asyncIterator]()
    await frames.next()
    const before = process.memoryUsage.rss()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20)
    await frames.return?.()
  })

  it('cancelling one query does not end another', async () => {
    const sum = 'SELECT count(*) FROM range(3000000) t(i) WHERE hash(i) % 7 = 0'
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => {
        const controller = new AbortController()
        if (i % 2) setTimeout(() => controller.abort(new GatewayError('CANCELLED')), i % 20)
        return read(source, sum, controller.signal)
      }),
    )
    const victims = outcomes.filter((outcome, i) => i % 2 === 0 && outcome.status === 'rejected')
    expect(victims).toEqual([])
  })
})

describe('a DuckDB source with writes', () => {
  it('changes data, and drops cached plans whose schema has changed', async () => {
    const source = await open({ writes: true })
    await read(source, 'CREATE TABLE t (i INTEGER)')
    expect((await source.plan(query('SELECT * FROM t'), context())).kind).toBe('read')
    const before = (await read(source, 'SELECT * FROM t')).schema.byteLength
    expect((await read(source, 'INSERT INTO t VALUES (1), (2)')).rows).toBe(1)
    await read(source, 'ALTER TABLE t ADD COLUMN another VARCHAR')
    const after = await read(source, 'SELECT * FROM t')
    expect(after.rows).toBe(2)
    expect(after.schema.byteLength).toBeGreaterThan(before)
    const plan = await source.plan(query('SELECT * FROM t'), context())
    expect(plan.schema.byteLength).toBeGreaterThan(before / 2)
    expect((await source.plan(query('DROP TABLE t'), context())).kind).toBe('update')
    await source.close()
  })
})

describe('parameters', () => {
  let source: Source
  beforeAll(async () => {
    source = await open({ writes: true })
  })
  afterAll(() => source?.close())
  const stream = (columns: Record<string, Int32Array | Vector<Utf8>>) => {
    const vectors = Object.entries(columns).map(([name, column]) => [
      name,
      column instanceof Int32Array ? vectorFromArray(column) : column,
    ])
    return tableToIPC(new Table(Object.fromEntries(vectors)), 'stream')
  }
  const run = async (sql: string, parameters: Uint8Array) => {
    const ctx = context()
    const plan = await source.plan({ ...query(sql), parameters }, ctx)
    const result = await source.run(plan, ctx)
    let rows = 0
    for await (const frames of result.frames)
      for (const frame of frames) {
        rows += frame.rows
        frame.release?.()
      }
    return { rows, affectedRows: result.stats.affectedRows }
  }

  it('run a statement once for each of thousands of rows', async () => {
    await read(source, 'CREATE TABLE p (i INTEGER, s VARCHAR)')
    const rows = 6000
    const columns = {
      i: Int32Array.from({ length: rows }, (_, i) => i),
      s: Array.from({ length: rows }, (_, i) => `v${i}`),
    }
    const utf8 = { ...columns, s: vectorFromArray(columns.s, new Utf8()) }
    expect(await run('INSERT INTO p VALUES (?, ?)', stream(utf8))).toMatchObject({ affectedRows: rows })
    expect((await read(source, "SELECT * FROM p WHERE s = 'v' || i")).rows).toBe(rows)
    expect((await run('SELECT * FROM p WHERE i < ?', stream({ i: Int32Array.from([3, 0, 2]) }))).rows).toBe(5)
  })

  it('a new table counts the rows that it stores', async () => {
    const create = 'CREATE TABLE stored AS SELECT range AS n FROM range(?::INTEGER)'
    expect(await run(create, stream({ n: Int32Array.of(7) }))).toMatchObject({ rows: 1, affectedRows: 7 })
    expect(await run('DROP TABLE stored', new Uint8Array())).toMatchObject({ rows: 0, affectedRows: 0 })
  })

  it('failing row: none of the rows is inserted', async () => {
    await read(source, 'CREATE TABLE q (i INTEGER PRIMARY KEY)')
    const twice = stream({ i: Int32Array.from([1, 2, 1]) })
    await expect(run('INSERT INTO q VALUES (?)', twice)).rejects.toMatchObject({ code: 'BAD_DATA' })
    expect((await read(source, 'SELECT * FROM q')).rows).toBe(0)
  })

  it('are announced with their types where known', async () => {
    const plan = await source.plan(query('SELECT ?::DATE, ?'), context())
    expect(decodeSchema(plan.parameterSchema!).children.map(({ format }) => format)).toEqual(['tdD', 'u'])
  })

  it.each([
    ['BOOLEAN', 'b'],
    ['HUGEINT', 'd:38,0'],
    ['UHUGEINT', 'd:38,0'],
    ['UUID', 'u'],
    ["ENUM ('a', 'b')", 'u'],
    ['INTERVAL', 'u'],
    ['BIT', 'u'],
    ['TIMETZ', 'u'],
    ['TIME_NS', 'u'],
    ['BIGNUM', 'u'],
    ['TIME', 'ttu'],
    ['TIMESTAMP', 'tsu:'],
    ['TIMESTAMP_NS', 'tsn:'],
    ['BLOB', 'z'],
  ])('of the type %s are announced as a type that every Arrow library has', async (type, format) => {
    const plan = await source.plan(query(`SELECT ?::${type}`), context())
    expect(decodeSchema(plan.parameterSchema!).children).toMatchObject([{ format, metadata: [], children: [] }])
    expect(decodeSchema(plan.parameterSchema!).children[0]!.dictionary).toBeUndefined()
  })

  it('in lists are announced with the same types', async () => {
    const plan = await source.plan(query('SELECT ?::BOOLEAN[], ?::UUID[]'), context())
    const lists = decodeSchema(plan.parameterSchema!).children
    expect(lists.map(({ format, children }) => [format, children[0]!.format])).toEqual([
      ['+l', 'b'],
      ['+l', 'u'],
    ])
  })

  it.each([
    ['too few values', 'SELECT ?::INTEGER + ?::INTEGER', stream({ i: Int32Array.from([1]) }), 'BAD_DATA'],
    ['too many values', 'SELECT ?::INTEGER', stream({ i: Int32Array.from([1]), j: Int32Array.from([1]) }), 'BAD_DATA'],
    ['garbage bytes', 'SELECT ?::INTEGER', new Uint8Array([1, 2, 3]), 'BAD_REQUEST'],
    ['truncated bytes', 'SELECT ?::INTEGER', stream({ i: Int32Array.from([1]) }).slice(0, -40), 'BAD_REQUEST'],
  ])('%s are refused', async (_name, sql, parameters, code) => {
    await expect(run(sql, parameters)).rejects.toMatchObject({ code })
    expect((await read(source, 'SELECT 1')).rows).toBe(1)
  })
})

describe('a DuckDB file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-file-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('keeps written tables, under the catalog name of the source', async () => {
    const path = join(folder, 'x.duckdb')
    const first = await open({ path, writes: true })
    await read(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.close()
    const second = await open({ path })
    expect((await read(second, 'SELECT * FROM demo.main.kept')).rows).toBe(1)
    expect((await refusal(second, 'DROP TABLE kept')).code).toBe('READ_ONLY')
    await second.close()
  })

  it('that cannot be opened: the source fails to open', async () => {
    await expect(open({ path: join(folder, 'missing', 'x.duckdb') })).rejects.toThrow()
  })

  it('spills to its temporary directory under the sandbox, within the memory limit', async () => {
    const source = await open({ memoryLimitBytes: 128 << 20, tempDirectory: join(folder, 'temp'), threads: 2 })
    const sql =
      'SELECT * FROM (SELECT range AS i, hash(range) AS h, md5(range::VARCHAR) AS m FROM range(4000000)) ORDER BY h'
    expect((await read(source, sql)).rows).toBe(4_000_000)
    expect((await refusal(source, 'SELECT list(range) FROM range(100000000)')).code).toBe('OUT_OF_MEMORY')
    expect((await read(source, 'SELECT 1')).rows).toBe(1)
    await source.close()
  })
})

describe('128-bit integers without lossless types', () => {
  const session = { losslessTypes: false } as const
  let source: Source
  beforeAll(async () => {
    source = await open()
  })
  afterAll(() => source.close())
  const valuesOf = async (sql: string) => {
    const result = await source.run(await source.plan({ ...query(sql), session }, context()), context())
    const messages = [{ header: readFrame(result.schema).header, body: new Uint8Array(0) }]
    for await (const frames of result.frames)
      for (const frame of frames) {
        const { header, body } = readFrame(frame)
        messages.push({ header, body: Uint8Array.from(body) })
        frame.release?.()
      }
    return decimals(tableFromIPC(joinStream(messages)).getChildAt(0)!)
  }
  /** The values of a decimal column; the library gives four 32-bit words each. */
  const decimals = (column: Vector) =>
    Array.from(column, (value: Uint32Array | null) => {
      if (value === null) return null
      const words = Array.from(value, (word, i) => BigInt(word >>> 0) << BigInt(32 * i))
      return BigInt.asIntN(
        128,
        words.reduce((sum, word) => sum + word, 0n),
      )
    })

  const most = 10n ** 38n - 1n
  it.each(['HUGEINT', 'UHUGEINT'])('arrive as decimals up to 38 digits, with NULLs: %s', async (type) => {
    const least = type === 'HUGEINT' ? -most : 0n
    const sql = `SELECT unnest([${most}::${type}, NULL, ${least}::${type}, 1::${type}]) AS v`
    expect(await valuesOf(sql)).toEqual([most, null, least, 1n])
    // Bytes under a NULL are not checked.
    const hidden = `SELECT CASE WHEN i % 2 = 0 THEN v END AS v FROM (SELECT i, CASE WHEN i % 2 = 0 THEN i::${type} ELSE (${most}::HUGEINT + i)::${type} END AS v FROM range(1, 5) t(i))`
    expect(await valuesOf(hidden)).toEqual([null, 2n, null, 4n])
  })

  it.each([
    '100000000000000000000000000000000000000::HUGEINT',
    '-100000000000000000000000000000000000000::HUGEINT',
    '(-170141183460469231731687303715884105728)::HUGEINT',
    '100000000000000000000000000000000000000::UHUGEINT',
    '340282366920938463463374607431768211455::UHUGEINT',
    '[NULL, 170141183460469231731687303715884105727::HUGEINT]',
    "{'a': 340282366920938463463374607431768211455::UHUGEINT}",
    'MAP {170141183460469231731687303715884105727::HUGEINT: 1}',
  ])('with more than 38 digits are refused with BAD_DATA: %s', async (value) => {
    const message = expect.stringMatching(/ has more: cast it, as in x::VARCHAR .* x-flightgate-lossless-types: true/)
    await expect(valuesOf(`SELECT ${value} AS v`)).rejects.toMatchObject({ code: 'BAD_DATA', message })
  })
})
