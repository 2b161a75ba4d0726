import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../.cache/java', import.meta.url))
const hasJava = ['JdbcWalk', 'JdbcEnums'].every((program) => existsSync(join(folder, `${program}.class`)))
if (!hasJava && process.env['CI'] === 'true') throw new Error('the JDBC drivers are missing: run npm test')

const values = Array.from({ length: 300 }, (_, i) => `'value ${i}'`).join(', ')
const init = [
  "CREATE TYPE level AS ENUM ('low', 'middle', 'high', '')",
  `CREATE TYPE large AS ENUM (${values})`,
  `CREATE TABLE enums AS SELECT i, e, large, [e, NULL] AS list, {'e': e, 'n': i} AS pair, MAP {'k': e} AS names
    FROM (SELECT i, e::level AS e, large::large AS large FROM (VALUES
      (1, 'high', 'value 299'), (2, NULL, NULL), (3, '', 'value 255'), (4, 'middle', 'value 256')) t(i, e, large))`,
]

let gateway: GatewayProcess
beforeAll(async () => {
  // Small batches, so that results have many.
  gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', batchRows: 10_000, init } } })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

describe.skipIf(!hasJava)('an ENUM in the JDBC driver, which decodes no dictionary', () => {
  const all = [
    'high|value 299|["high",null]|{"e":"high","n":1}|{"k":"high"}',
    'null|null|[null,null]|{"n":2}|{"k":null}',
    '|value 255|["",null]|{"e":"","n":3}|{"k":""}',
    'middle|value 256|["middle",null]|{"e":"middle","n":4}|{"k":"middle"}',
  ].join('; ')
  it.each(['18.3.0', '17.0.0'])('%s is its text', async (version) => {
    const classpath = `${folder}:${join(folder, `flight-sql-jdbc-driver-${version}.jar`)}`
    const options = ['--add-opens=java.base/java.nio=ALL-UNNAMED', '-cp', classpath]
    const { stdout } = await run('java', [...options, 'JdbcEnums', gateway.flight, 'none'])
    const lines = stdout.trimEnd().split('\n')
    const steps = Object.fromEntries(lines.map((line) => line.split(' = ', 2)))
    const rows = { plain: all, prepared: all, bound: 'middle' }
    expect(steps).toEqual({
      ...rows,
      strings: 'high|false null|true |false middle|false',
      types: 'VARCHAR|VARCHAR|ARRAY|JAVA_OBJECT|JAVA_OBJECT',
      columns: "e|12|ENUM('low', 'middle', 'high', '')",
      'in many batches': '400000 rows, 0 unlike',
      ...Object.fromEntries(Object.entries(rows).map(([step, texts]) => [`lossless ${step}`, texts])),
    })
  })
})

describe.skipIf(!hasPython())('an ENUM in clients that decode dictionaries', () => {
  it('is categories, and texts to clients of Java, whichever way they ask', async () => {
    const dictionary = (indices: string) => `dictionary<values=string, indices=${indices}, ordered=0>`
    const typesOf = (e: string, large: string) => ({
      e,
      large,
      list: `list<l: ${e}>`,
      pair: `struct<e: ${e}, n: int32>`,
      names: `map<string, ${e}>`,
    })
    const seen = (types: object) => ({
      agree: true,
      types,
      rows: [
        { e: 'high', large: 'value 299', list: ['high', null], pair: { e: 'high', n: 1 }, names: [['k', 'high']] },
        { e: null, large: null, list: [null, null], pair: { e: null, n: 2 }, names: [['k', null]] },
      ],
    })
    expect(await runPython('enum_columns.py', gateway.uri)).toEqual({
      pyarrow: seen(typesOf(dictionary('uint8'), dictionary('uint16'))),
      java: seen(typesOf('string', 'string')),
      many: [200_000, true],
      unlike: [],
      again: [true, true],
      pandas: ['category', ['low', 'middle', 'high', '']],
      polars: 'Categorical',
    })
  })
})
