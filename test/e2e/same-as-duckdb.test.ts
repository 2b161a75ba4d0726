import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { lineitemFile } from './lineitem-file.ts'
import { hasPython, runPython } from './python.ts'

interface Comparison {
  readonly query: string
  readonly rows: number
  readonly same: boolean
  readonly sameSchema: boolean
  readonly infoSchema: boolean | null
}

describe.skipIf(!hasPython())('results equal DuckDB’s own Arrow table', () => {
  let gateway: GatewayProcess
  /** Default settings: no extension types. */
  let plain: GatewayProcess
  let file: string

  beforeAll(async () => {
    file = await lineitemFile()
    gateway = await GatewayProcess.start({ sources: { tpch: { kind: 'duckdb', path: file, losslessTypes: true } } })
    plain = await GatewayProcess.start({ sources: { db: { kind: 'duckdb' } } })
  })
  afterAll(async () => {
    await gateway?.stop()
    await plain?.stop()
  })

  it.each(['pyarrow', 'adbc'])('lineitem at scale 1, read by %s', { timeout: 180_000 }, async (client) => {
    const [result] = await runPython<Comparison[]>(
      'same_as_duckdb.py',
      gateway.uri,
      file,
      client,
      'SELECT * FROM lineitem',
    )
    expect(result).toMatchObject({ rows: 6_001_215, same: true, sameSchema: true })
    if (client === 'pyarrow') expect(result!.infoSchema).toBe(true)
  })

  it.each(['pyarrow', 'adbc'])(
    'every type of test_all_types(), alone and over many batches, read by %s',
    async (client) => {
      const columns = await runPython<string[]>('all_types.py')
      const queries = columns.flatMap((column) => {
        const one = `SELECT "${column}" FROM test_all_types()`
        return [one, `SELECT "${column}" FROM (${one}) t, range(3000) r ORDER BY r.range`]
      })
      const results = await runPython<Comparison[]>('same_as_duckdb.py', gateway.uri, file, client, ...queries)
      expect(results).toHaveLength(2 * columns.length)
      expect(results.filter(({ same, sameSchema }) => !same || !sameSchema)).toEqual([])
      if (client !== 'adbc') expect(results.filter(({ infoSchema }) => !infoSchema)).toEqual([])
    },
  )

  it('every type without extension types, as by default', async () => {
    const columns = await runPython<string[]>('all_types.py')
    const queries = columns.flatMap((column) => {
      // The largest integers have more digits than an Arrow decimal.
      const value = column.endsWith('hugeint') ? `least("${column}", 10::HUGEINT ** 37)::${column} AS x` : `"${column}"`
      const one = `SELECT ${value} FROM test_all_types() WHERE ${column.endsWith('hugeint') ? `"${column}" IS NULL OR "${column}" >= 0` : 'true'}`
      return [one, `SELECT t.* FROM (${one}) t, range(3000) r ORDER BY r.range`]
    })
    const results = await runPython<Comparison[]>(
      'same_as_duckdb.py',
      plain.uri,
      ':memory:',
      'pyarrow+plain',
      ...queries,
    )
    expect(results).toHaveLength(2 * columns.length)
    expect(results.filter(({ same, sameSchema, infoSchema }) => !same || !sameSchema || !infoSchema)).toEqual([])
  })

  it.each(['pyarrow+plain', 'adbc+plain'])(
    'types without a plain Arrow form as numbers and texts, at any depth, read by %s',
    async (client) => {
      const nulls = (value: string) => `CASE WHEN i % 7 = 3 THEN NULL ELSE ${value} END`
      const values = [
        ['HUGEINT', 'DECIMAL(38, 0)', "((i - 1500)::VARCHAR || repeat('7', (i % 35)::INTEGER))::HUGEINT"],
        ['UHUGEINT', 'DECIMAL(38, 0)', "(i::VARCHAR || repeat('7', (i % 35)::INTEGER))::UHUGEINT"],
        ['UUID', 'VARCHAR', 'md5(i::VARCHAR)::UUID'],
        ['JSON', 'VARCHAR', `('{"a": "' || repeat('x', (i % 20)::INTEGER) || '"}')::JSON`],
        [
          'BIT',
          'VARCHAR',
          "repeat(right('0' || (i % 7)::VARCHAR::INTEGER::BIT::VARCHAR, (1 + i % 9)::INTEGER), (1 + i % 5)::INTEGER)::BIT",
        ],
        [
          'BIGNUM',
          'VARCHAR',
          "(CASE WHEN i % 2 = 0 THEN '-' ELSE '' END || (1 + i) || repeat('37', (i % 300)::INTEGER))::BIGNUM",
        ],
        [
          'TIMETZ',
          'VARCHAR',
          `((TIME '00:00:00' + INTERVAL 28801234 MICROSECOND * i)::VARCHAR
            || ['+00', '+02', '-05:30', '+15:59:59', '-15:59:59', '+01:30:07', '-00:30'][(1 + i % 7)::INTEGER])::TIMETZ`,
        ],
      ] as const
      const queries = values.flatMap(([type, plainType, value]) => {
        const rows = `FROM (SELECT i, ${nulls(value)} AS v FROM range(5000) t(i))`
        const pair = (of: (v: string, type: string) => string) =>
          `SELECT ${of('v', type)} AS x ${rows} => SELECT ${of(`v::${plainType}`, plainType)} AS x ${rows}`
        return [
          pair((v) => v),
          pair((v) => `[${v}, NULL, ${v}]`),
          pair((v) => `{'a': i, 'b': ${v}, 'c': [${v}]}`),
          pair((v) => `MAP {i: ${v}}`),
          pair((v, t) => `[${v}, ${v}]::${t}[2]`),
          pair(
            (v, t) =>
              `CASE WHEN i % 2 = 0 THEN union_value(n := i)::UNION(n BIGINT, s ${t}) ELSE union_value(s := ${v})::UNION(n BIGINT, s ${t}) END`,
          ),
          `SELECT v, i, i::VARCHAR AS t ${rows} WHERE i % 3 = 0 => SELECT v::${plainType} AS v, i, i::VARCHAR AS t ${rows} WHERE i % 3 = 0`,
          `SELECT v ${rows} WHERE false => SELECT v::${plainType} AS v ${rows} WHERE false`,
        ]
      })
      queries.push(
        'SELECT sum(i) AS s FROM range(10) t(i)',
        "SELECT repeat('10', 3000)::BIT AS b FROM range(3000) => SELECT repeat('10', 3000) AS b FROM range(3000)",
      )
      const results = await runPython<Comparison[]>('same_as_duckdb.py', plain.uri, ':memory:', client, ...queries)
      expect(results).toHaveLength(queries.length)
      expect(results.filter(({ same, sameSchema }) => !same || !sameSchema)).toEqual([])
    },
  )

  it.each(['pyarrow', 'pyarrow:65536'])(
    'no rows, nested values, long texts, partly filled chunks, read by %s',
    async (client) => {
      const queries = [
        'SELECT * FROM lineitem WHERE false',
        "SELECT i, [i, NULL, i + 1] AS l, {'a': i, 'b': [i::VARCHAR]} AS s, MAP {i: i * 2} AS m FROM range(100000) t(i)",
        "SELECT CASE WHEN i % 3 = 0 THEN NULL ELSE i % 2 = 0 END AS b, CASE WHEN i % 7 = 0 THEN NULL ELSE 'v' || i END AS t FROM range(300000) t(i)",
        "SELECT i, repeat('x', 20000) || i AS long FROM range(5000) t(i)",
        'SELECT [b % 2 = 0, NULL, b % 3 = 0] AS flags FROM range(50000) t(b)',
        "SELECT (i % 3)::VARCHAR::ENUM('0', '1', '2') AS e, [(i % 2)::VARCHAR::ENUM('0', '1')] AS le FROM range(10000) t(i)",
        'SELECT array_value(i, i + 1, NULL)::INTEGER[3] AS fixed FROM range(9000) t(i)',
        "SELECT CASE WHEN i % 2 = 0 THEN union_value(n := i)::UNION(n BIGINT, s VARCHAR) ELSE union_value(s := 'x')::UNION(n BIGINT, s VARCHAR) END AS u FROM range(9000) t(i)",
        'SELECT i FROM range(70000) t(i) WHERE i % 5 <> 0',
        'SELECT i, NULL AS nothing FROM range(10) t(i)',
        "SELECT i, i::DOUBLE AS d, (i % 100)::TINYINT AS t, DATE '2020-01-01' + (i % 1000)::INTEGER AS day FROM range(300001) t(i)",
        'SELECT CASE WHEN i > 250000 AND i % 3 = 0 THEN NULL ELSE i END AS n, (i % 7)::FLOAT AS f FROM range(300001) t(i)',
        'SELECT i, i % 3 = 0 AS flag FROM range(100001) t(i) WHERE i % 11 <> 0',
        'SELECT ((i - 150000) / 100)::DECIMAL(15,2) AS a, CASE WHEN i % 7 = 0 THEN NULL ELSE (i % 99 - 50)::DECIMAL(4,1) END AS b, (-i)::DECIMAL(9,0) AS c FROM range(300001) t(i) WHERE i % 11 <> 0',
        "SELECT repeat('y', (i % 13)::INTEGER) AS t, CASE WHEN i % 7 < 2 THEN NULL ELSE repeat('é', (i % 7)::INTEGER) END AS n, repeat('z', (i % 5)::INTEGER)::BLOB AS b FROM range(300001) t(i) WHERE i % 11 <> 0",
        "SELECT i, repeat('y', (i % 12 + i // 100000)::INTEGER) AS first, CASE WHEN i = 250000 THEN repeat('long', 9) ELSE i::VARCHAR END AS second FROM range(300001) t(i)",
        "SELECT 'text ' || i AS t, (i % 3)::VARCHAR || repeat(' of more than twelve', (i // 150000)::INTEGER) AS s FROM range(300001) t(i)",
        "SELECT CASE WHEN i % 2 = 0 THEN NULL ELSE 'longer than twelve' END AS t FROM range(9000) t(i)",
        "SELECT CASE WHEN i % 2048 = 2047 THEN 'only the last one is longer' ELSE 'short' END AS t FROM range(9000) t(i)",
        "SELECT (i - 9)::DECIMAL(18,3) AS a, 'v' || i AS t, CASE WHEN i % 5 = 0 THEN NULL ELSE i END AS n, [i] AS l, i % 3 = 0 AS flag FROM range(300001) t(i) WHERE i % 11 <> 0",
      ]
      const results = await runPython<Comparison[]>('same_as_duckdb.py', gateway.uri, file, client, ...queries)
      expect(results.filter(({ same, sameSchema }) => !same || !sameSchema)).toEqual([])
    },
  )
})
