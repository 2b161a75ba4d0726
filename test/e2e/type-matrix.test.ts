import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const run = promisify(execFile)
const cached = (path: string) => fileURLToPath(new URL(`../../.cache/${path}`, import.meta.url))
const hasAll = hasPython() && existsSync(cached('java/JdbcShown.class')) && existsSync(cached('bin/types'))
if (!hasAll && process.env['CI'] === 'true') throw new Error('clients of the type matrix are missing: run npm test')
if (!hasAll) process.stderr.write('skipped: the type matrix needs Python, Java and Go\n')

/** Values that plain numbers cannot hold; each has its own statement. */
const TOO_LONG = 'HUGEINT of 39 digits'
/** A value of each type of DuckDB. */
const values: Readonly<Record<string, string>> = {
  BOOLEAN: 'true',
  TINYINT: '-7::TINYINT',
  SMALLINT: '-7::SMALLINT',
  INTEGER: '-7',
  BIGINT: '-7::BIGINT',
  UTINYINT: '7::UTINYINT',
  USMALLINT: '7::USMALLINT',
  UINTEGER: '7::UINTEGER',
  UBIGINT: '7::UBIGINT',
  'HUGEINT (sums of integers)': '(SELECT sum(i) FROM range(10) t(i))',
  [TOO_LONG]: "'170141183460469231731687303715884105727'::HUGEINT",
  UHUGEINT: '7::UHUGEINT',
  BIGNUM: "'-123456789012345678901234567890'::BIGNUM",
  FLOAT: '1.5::FLOAT',
  DOUBLE: '0.1::DOUBLE',
  'DECIMAL(9,2)': '-12.50::DECIMAL(9,2)',
  VARCHAR: "'text'",
  JSON: `'{"a":1}'::JSON`,
  UUID: "'6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID",
  BLOB: "'ab'::BLOB",
  BIT: "'0101'::BIT",
  DATE: "DATE '2024-01-02'",
  TIME: "TIME '03:04:05'",
  TIME_NS: "'03:04:05.000000006'::TIME_NS",
  TIMETZ: "'03:04:05+02'::TIMETZ",
  TIMESTAMP: "TIMESTAMP '2024-01-02 03:04:05'",
  TIMESTAMP_S: "'2024-01-02 03:04:05'::TIMESTAMP_S",
  TIMESTAMP_MS: "'2024-01-02 03:04:05'::TIMESTAMP_MS",
  TIMESTAMP_NS: "'2024-01-02 03:04:05'::TIMESTAMP_NS",
  TIMESTAMPTZ: "TIMESTAMPTZ '2024-01-02 03:04:05+00'",
  INTERVAL: "INTERVAL '3 days 2 hours'",
  ENUM: "'high'::ENUM ('low', 'high')",
  GEOMETRY: "'POINT (1 2)'::GEOMETRY",
  'BIGINT[]': '[1, 2]::BIGINT[]',
  'HUGEINT[]': '[1, 2]::HUGEINT[]',
  'UUID[1]': "['6f9619ff-8b86-d011-b42d-00c04fc964ff']::UUID[1]",
  STRUCT: "{'a': 1::HUGEINT, 'b': '101'::BIT}",
  MAP: "MAP {'k': '03:04:05+02'::TIMETZ}",
  UNION: 'union_value(n := 7::HUGEINT)::UNION(n HUGEINT, s VARCHAR)',
}
const names = Object.keys(values)
const fitting = names.filter((name) => name !== TOO_LONG)
const statements = Object.values(values).map((value) => `SELECT ${value} AS v`)
const clients = ['pandas', 'polars', 'JDBC', 'Go', 'flightgate query'] as const

/** The CSV that `flightgate query` writes for each value, by name. */
async function typedIn(uri: string, lossless: string, wanted: readonly string[]): Promise<readonly string[]> {
  const header = ['--header', `x-flightgate-lossless-types=${lossless}`]
  const sql = `SELECT ${wanted.map((name, i) => `${values[name]} AS c${i}`).join(', ')}`
  const args = ['query', '--endpoint', uri, ...header, '-q', '--format', 'csv', sql]
  const { stdout, stderr } = await runFlightgate(args, { cwd: process.cwd() })
  const [, row] = stdout.split('\r\n')
  if (!row) return wanted.map(() => `error: ${stderr.trim()}`)
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, bare]) =>
    (quoted ?? bare!).replaceAll('""', '"'),
  )
}

/** The text that each client shows, by client, then by value. */
async function shown({ uri, flight }: GatewayProcess, lossless: string): Promise<readonly (readonly string[])[]> {
  const classpath = `${cached('java')}:${cached('java/flight-sql-jdbc-driver-18.3.0.jar')}`
  const options = ['--add-opens=java.base/java.nio=ALL-UNNAMED', '-Duser.timezone=UTC', '-cp', classpath, 'JdbcShown']
  const [frames, java, go, fit, long] = await Promise.all([
    runPython<{ pandas: string[]; polars: string[] }>('type_matrix.py', uri, lossless, ...statements),
    run('java', [...options, flight, lossless, ...statements]),
    run(cached('bin/types'), [uri, lossless, ...statements]),
    typedIn(uri, lossless, fitting),
    typedIn(uri, lossless, [TOO_LONG]),
  ])
  const typed = [...fit, ...long]
  const inOrder = names.map((name) => typed[[...fitting, TOO_LONG].indexOf(name)]!)
  return [frames.pandas, frames.polars, java.stdout.trim().split('\n'), JSON.parse(go.stdout) as string[], inOrder]
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
/** A cell of the table, without parts that differ between runs; long client errors are shortened. */
const cell = (text: string) => {
  const plain = text
    .replace(/(@|0x)[0-9a-f]{4,}/g, '$1…')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
  if (plain.startsWith('error: ')) return /more: cast it/.test(plain) ? 'refused: BAD_DATA' : 'an error'
  return `\`${plain.replaceAll('`', "'")}\``
}

it.skipIf(!hasAll)(
  'docs/types.md matches what each client shows',
  async () => {
    const gateway = await GatewayProcess.start()
    const plain = await shown(gateway, 'false')
    const lossless = await shown(gateway, 'true')
    const table = (answers: readonly (readonly string[])[], rows: readonly number[]) => [
      line(['Type', ...clients]),
      line(['---', ...clients.map(() => '---')]),
      ...rows.map((row) => line([names[row]!, ...answers.map((texts) => cell(texts[row]!))])),
    ]
    const all = names.map((_, row) => row)
    const differing = all.filter((row) => clients.some((_, i) => cell(plain[i]![row]!) !== cell(lossless[i]![row]!)))
    const page = [
      '# Types of an embedded DuckDB',
      '',
      'How each client shows a value of each type, and with which class or type. To choose between the two forms, see',
      '[clients](clients.md#types). The test `test/e2e/type-matrix.test.ts` runs the clients and compares this page with what they show;',
      '`npx vitest run test/e2e/type-matrix.test.ts -u` writes the page anew. The types of BigQuery have [a table of their own](bigquery.md#types).',
      '',
      '| Column | Client |',
      '|---|---|',
      '| pandas, polars | read by ADBC |',
      '| JDBC | driver 18.3.0: `getString`, or the bytes, and the class of `getObject` |',
      '| Go | `database/sql` with the driver of ADBC |',
      '| flightgate query | the command, as text |',
      '',
      '"By label" in the tables: `getObject(1)` of driver 18.3.0 throws `not implemented` for a TIMESTAMPTZ, whatever the unit and the zone of the',
      'column, because the Avatica inside the driver does not know TIMESTAMP_WITH_TIMEZONE in that one method. `getObject("label")`, `getString`,',
      '`getTimestamp` and `getObject(1, OffsetDateTime.class)` work, and driver 17.0.0 gets it by number too. The gateway keeps the zone of the',
      'column: both drivers get a column without its zone by number, but for other clients it would not be a moment.',
      '',
      'ENUM: a dictionary of texts, which pandas and polars take as categories. No JDBC driver decodes a dictionary: it shows the indices in place',
      'of the values. So an ENUM comes as text to clients whose user agent names grpc-java, whichever form they ask for.',
      '',
      'UNION: a struct of its members, all of them NULL but the one that has a value, since pandas, polars and JDBC fail at a result with one of',
      "Arrow's unions. With lossless types it is a sparse union.",
      '',
      'Two types stay that a client cannot show. polars knows no INTERVAL: cast it to VARCHAR. pandas refuses a TIME_NS whose nanoseconds are no whole',
      'microseconds, and shows the others: cast it to TIME or VARCHAR. The other clients would lose by a text or a shorter time.',
      '',
      '## By default',
      '',
      ...table(plain, all),
      '',
      '## With lossless types, where that differs',
      '',
      ...table(lossless, differing),
      '',
    ].join('\n')
    for (const type of ['HUGEINT (sums of integers)', 'UHUGEINT', 'UUID', 'BIT', 'TIMETZ', 'BIGNUM', 'JSON', 'UNION'])
      for (const [i, client] of clients.entries())
        expect(plain[i]![names.indexOf(type)], `${type} by ${client}`).not.toMatch(/error|byte|\[B|b'/)
    expect(plain.map((texts) => /^45\b/.test(texts[names.indexOf('HUGEINT (sums of integers)')]!))).toEqual(
      clients.map(() => true),
    )
    for (const answers of [plain, lossless])
      for (const [i, client] of clients.entries())
        expect(answers[i]![names.indexOf('ENUM')], `ENUM by ${client}`).toMatch(/^high\b/)
    await expect(page).toMatchFileSnapshot('../../docs/types.md')
    expect(await gateway.stop()).toBe(0)
  },
  180_000,
)
