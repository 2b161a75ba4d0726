import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'

/** A value and the name of a column that the attacker may not see: no answer may have them. */
const secrets = ['topsecret', 'salary_canary']

/**
 * Ways around grants on parts of a source. The attacker may read and estimate `sales`, and write `sales.notes`. None of these may
 * run.
 */
const attacks: readonly string[] = [
  // Names.
  'SELECT * FROM hr.people',
  'SELECT * FROM HR.PEOPLE',
  'SELECT * FROM "hr"."people"',
  'SELECT * FROM "Hr" . "People"',
  'SELECT * FROM lake.hr.people',
  'SELECT * FROM "lake".hr."people"',
  'SELECT * FROM hr/* */./**/people',
  'SELECT * FROM hr\n.\n-- sales\npeople',
  'FROM hr.people',
  'TABLE hr.people',
  'SELECT * FROM ONLY hr.people',
  'SELECT * FROM (hr.people)',
  'SELECT * FROM ((hr.people p))',
  'SELECT * FROM sales.orders, hr.people',
  'SELECT * FROM sales.orders o, LATERAL (SELECT * FROM hr.people) p',
  'SELECT * FROM sales.orders AS o(i), hr.people',
  'SELECT * FROM p: hr.people',
  'SELECT * FROM (VALUES (1)) v, hr.people',
  'SELECT * FROM unnest([1]) u, hr.people',
  'SELECT * FROM sales.orders POSITIONAL JOIN hr.people',
  'SELECT * FROM sales.orders ASOF JOIN hr.people p ON orders.id >= p.id',
  'SELECT (SELECT max(name) FROM hr.people)',
  'SELECT (FROM hr.people SELECT max(name))',
  'SELECT [x FOR x IN (SELECT list(name) FROM hr.people)]',
  'SELECT EXISTS (FROM hr.people)',
  'SELECT name IN (SELECT name FROM hr.people) FROM (SELECT 1 AS name)',
  'SELECT hr.people.name FROM sales.orders, hr.people',
  'SELECT 1 UNION ALL SELECT name FROM hr.people',
  'SELECT 1 UNION ALL (TABLE hr.people)',
  'VALUES ((SELECT max(name) FROM hr.people))',
  'SELECT * FROM sales.orders ORDER BY (SELECT max(name) FROM hr.people)',
  'SELECT * FROM sales.orders LIMIT (SELECT count(*) FROM hr.people)',
  'SELECT extract(year FROM (SELECT max(born) FROM hr.people))',
  'SELECT substring((SELECT max(name) FROM hr.people) FROM 1)',
  'SELECT trim((SELECT max(name) FROM hr.people))',
  'SELECT count(*) FILTER (WHERE EXISTS (FROM hr.people)) FROM sales.orders',
  'SELECT sum(1) OVER (ORDER BY (SELECT max(name) FROM hr.people))',
  'PIVOT hr.people ON name',
  'UNPIVOT hr.people ON name',
  'SELECT * FROM (PIVOT hr.people ON name USING count(*))',
  'FROM sales.orders PIVOT (max(id) FOR id IN (SELECT name FROM hr.people))',
  // Names of WITH that hide tables.
  'WITH x AS (FROM hr.people) FROM x',
  'WITH people AS (SELECT 1) SELECT * FROM hr.people',
  'WITH people AS (FROM hr.people) FROM people',
  'WITH hr AS (SELECT 1) SELECT * FROM hr.people',
  'WITH secrets AS (FROM main.secrets) FROM secrets',
  'SELECT * FROM (WITH secrets AS (SELECT 1) FROM secrets) a, secrets',
  'WITH a AS (FROM secrets), secrets AS (SELECT 1) FROM a',
  'WITH secrets AS MATERIALIZED (FROM secrets) FROM secrets',
  'WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 2 FROM hr.people) FROM x',
  'WITH x(people) AS (SELECT 1) FROM secrets',
  'WITH "secrets" AS (SELECT 1), b AS (SELECT 2) SELECT * FROM main.secrets',
  'FROM secrets',
  'FROM lake.secrets',
  'FROM main.secrets',
  // Functions, files, other tables of the engine.
  "FROM query('FROM hr.people')",
  "FROM query_table('hr.people')",
  "FROM query_table(['sales.orders', 'hr.people'])",
  "FROM main.query('FROM hr.people')",
  'FROM "query"(\'FROM hr.people\')',
  "FROM 'people.csv'",
  'FROM "people.csv"',
  "FROM read_csv('people.csv')",
  "FROM read_text('people.csv')",
  "FROM read_blob('people.csv')",
  "FROM glob('*')",
  "SELECT getenv('HOME')",
  'FROM own_macro()',
  'SELECT scalar_macro()',
  'FROM main.own_macro()',
  'FROM duckdb_tables()',
  'FROM duckdb_columns',
  'FROM duckdb_views()',
  'FROM duckdb_secrets()',
  'FROM duckdb_settings()',
  'FROM information_schema.tables',
  'FROM "information_schema"."columns"',
  'FROM lake.information_schema.tables',
  'FROM pg_catalog.pg_class',
  'FROM pg_tables',
  'FROM sqlite_master',
  "FROM pragma_table_info('hr.people')",
  "FROM pragma_storage_info('hr.people')",
  "FROM pragma_show('hr.people')",
  'FROM summary((FROM hr.people))',
  "FROM seq_scan('people')",
  'FROM test_all_types()',
  "SELECT json_execute_serialized_sql(json_serialize_sql('FROM hr.people'))",
  "FROM json_execute_serialized_sql(json_serialize_sql('FROM hr.people'))",
  "PRAGMA json_execute_serialized_sql(json_serialize_sql('FROM hr.people'))",
  "SELECT json_serialize_plan('FROM hr.people')",
  "SELECT nextval('hr.hr_seq')",
  "SELECT currval('hr.hr_seq')",
  "SELECT 'hr.hr_seq'.currval()",
  "SELECT main.currval('hr.hr_seq')",
  "SELECT system.main.currval('hr.hr_seq')",
  `SELECT "currval"('hr.hr_seq')`,
  "INSERT INTO sales.notes VALUES (nextval('hr.hr_seq')) RETURNING *",
  "SELECT 'FROM hr.people'.json_serialize_sql().json_execute_serialized_sql()",
  "SELECT 'hr.people'.own_macro()",
  "SELECT pg_get_viewdef('sales.orders')",
  'SELECT system.main.scalar_macro()',
  "SELECT obj_description(1, 'x')",
  "SELECT has_table_privilege('hr.people', 'select')",
  'SELECT array(SELECT name FROM hr.people)',
  'SELECT list(SELECT name FROM hr.people)',
  "SELECT getvariable('x') FROM sales.orders",
  'FROM lake.sales.orders, lake.main.secrets',
  'FROM sales.orders, secrets',
  'FROM sales.orders JOIN secrets ON true',
  'FROM sales.orders o, o, secrets',
  'FROM sales.orders, sales.orders.secrets',
  'SELECT secrets FROM sales.orders, secrets',
  'SELECT * FROM sales.orders, (secrets)',
  'SELECT * FROM sales.orders, LATERAL secrets',
  'SELECT * FROM sales.orders LEFT JOIN (sales.notes CROSS JOIN hr.people) ON true',
  'FROM sales.orders SELECT id UNION FROM hr.people SELECT id',
  'FROM sales.orders UNION BY NAME FROM hr.people',
  '(FROM hr.people)',
  '((SELECT name FROM hr.people))',
  'WITH x AS (SELECT 1) (FROM hr.people)',
  'WITH x AS (INSERT INTO hr.people VALUES (1)) FROM x',
  'WITH x USING KEY (a) AS (SELECT 1 AS a) FROM hr.people',
  'WITH RECURSIVE x(a) USING KEY (a) AS (SELECT 1 UNION FROM hr.people SELECT id) FROM x',
  "SELECT current_setting('temp_directory')",
  "FROM checkpoint('lake')",
  // Other statements.
  'EXPLAIN FROM hr.people',
  'EXPLAIN ANALYZE FROM hr.people',
  'EXPLAIN ANALYZE SELECT * FROM sales.orders, hr.people',
  'DESCRIBE hr.people',
  'DESC hr.people',
  'SUMMARIZE hr.people',
  'SHOW TABLES',
  'SHOW ALL TABLES',
  'SHOW TABLES FROM hr',
  'FROM (SHOW ALL TABLES)',
  'FROM (DESCRIBE hr.people)',
  'FROM (SUMMARIZE hr.people)',
  "PRAGMA table_info('hr.people')",
  'PRAGMA show_tables',
  'PRAGMA database_list',
  "CALL query('FROM hr.people')",
  'CALL duckdb_tables()',
  "COPY hr.people TO 'stolen.csv'",
  "COPY (FROM hr.people) TO 'stolen.csv'",
  "COPY sales.notes FROM 'people.csv'",
  'COPY FROM DATABASE lake TO other',
  "EXPORT DATABASE 'stolen'",
  "ATTACH 'stolen.db' AS stolen",
  "ATTACH ':memory:' AS stolen",
  'USE lake.hr',
  "SET schema = 'hr'",
  "SET search_path = 'hr'",
  'SET VARIABLE x = (SELECT max(name) FROM hr.people)',
  "SELECT getvariable('x')",
  'PREPARE p AS FROM hr.people',
  'EXECUTE p',
  'CREATE VIEW sales.v AS FROM hr.people',
  'CREATE OR REPLACE VIEW sales.orders AS FROM hr.people',
  'CREATE TEMP VIEW v AS FROM hr.people',
  'CREATE TABLE sales.t AS FROM hr.people',
  'CREATE TEMP TABLE orders AS FROM hr.people',
  'CREATE MACRO sales.m() AS TABLE FROM hr.people',
  'CREATE MACRO abs(x) AS (SELECT max(name) FROM hr.people)',
  'CREATE FUNCTION upper(x) AS (SELECT max(name) FROM hr.people)',
  "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
  'ALTER TABLE hr.people RENAME TO sales_people',
  'DROP TABLE hr.people',
  'TRUNCATE hr.people',
  'CHECKPOINT',
  'VACUUM',
  'INSTALL httpfs',
  'LOAD httpfs',
  'SELECT 1; FROM hr.people',
  'FROM sales.orders; DROP TABLE hr.people',
  'BEGIN; FROM hr.people; COMMIT',
  // Changes.
  "INSERT INTO hr.people VALUES (2, now(), 'x')",
  'INSERT INTO sales.notes SELECT name FROM hr.people RETURNING *',
  'INSERT INTO sales.notes (FROM hr.people SELECT name) RETURNING *',
  'INSERT INTO sales.notes TABLE hr.people',
  'INSERT INTO sales.notes VALUES ((SELECT max(name) FROM hr.people)) RETURNING *',
  'INSERT INTO sales.notes BY NAME FROM hr.people',
  "INSERT INTO sales.notes VALUES ('a') RETURNING (SELECT max(name) FROM hr.people)",
  "INSERT INTO sales.notes VALUES ('a') ON CONFLICT DO UPDATE SET note = (SELECT max(name) FROM hr.people)",
  "INSERT OR REPLACE INTO hr.people VALUES (1, now(), 'x')",
  'WITH x AS (FROM hr.people) INSERT INTO sales.notes SELECT name FROM x RETURNING *',
  'UPDATE sales.notes SET note = (SELECT max(name) FROM hr.people) RETURNING *',
  'UPDATE sales.notes SET note = p.name FROM hr.people p RETURNING *',
  'DELETE FROM sales.notes USING hr.people p WHERE p.id = 1',
  'DELETE FROM sales.notes WHERE note IN (SELECT name FROM hr.people)',
  'DELETE FROM hr.people',
  'MERGE INTO sales.notes USING hr.people p ON true WHEN NOT MATCHED THEN INSERT VALUES (p.name)',
  "UPDATE hr.people SET name = 'x'",
  // Literals and comments that readers may split in other places than the engine.
  "SELECT 'a\\', (SELECT max(name) FROM hr.people), '",
  "SELECT E'a\\'', (SELECT max(name) FROM hr.people), ''",
  "SELECT $$ ' $$, (SELECT max(name) FROM hr.people), $$ ' $$",
  "SELECT $a$ ' $a$, (SELECT max(name) FROM hr.people), $a$ ' $a$",
  'SELECT /* /* */ */ (SELECT max(name) FROM hr.people) /* */',
  "SELECT /* ' */ (SELECT max(name) FROM hr.people) /* ' */",
  "SELECT 1 -- '\n, (SELECT max(name) FROM hr.people) -- '",
  'SELECT 1 --\r, (SELECT max(name) FROM hr.people)',
  "SELECT 1 # '\n, (SELECT max(name) FROM hr.people)",
  'SELECT * FROM U&"\\0068r".people',
  "SELECT U&'a', (SELECT max(name) FROM hr.people)",
  'SELECT * FROM hr.\u00a0people',
  'SELECT * FROM\u00a0hr.people',
  'SELECT * FROM\u3000hr.people',
  'SELECT * FROM\u200bhr.people',
  'SELECT * FROM\fhr.people',
  'SELECT * FROM\u000bhr.people',
  '\ufeffSELECT * FROM hr.people',
  'SELECT * FROM hr.people\0',
  'SELECT "a""b", (SELECT max(name) FROM hr.people) AS """"',
  "SELECT 1 FROM hr.people WHERE name LIKE 't%'",
  "SELECT B'1', X'00', (SELECT max(name) FROM hr.people)",
  'SELECT 1e(SELECT max(name) FROM hr.people)',
  'SELECT 1FROM hr.people',
  'SELECT 1::VARCHAR FROM hr.people',
  'SELECT CAST(name AS VARCHAR) FROM hr.people',
  'SELECT name COLLATE nocase FROM hr.people',
  'SELECT {x: (SELECT max(name) FROM hr.people)}',
  'SELECT MAP {1: (SELECT max(name) FROM hr.people)}',
  'SELECT list_transform([1], x -> (SELECT max(name) FROM hr.people))',
  'SELECT list_transform([1], lambda x: (SELECT max(name) FROM hr.people))',
  'SELECT COLUMNS(*) FROM hr.people',
  'SELECT #1 FROM hr.people',
  'SELECT * REPLACE ((SELECT max(name) FROM hr.people) AS id) FROM sales.orders',
  'SELECT * EXCLUDE (id) FROM hr.people',
  'SELECT DISTINCT ON ((SELECT max(name) FROM hr.people)) id FROM sales.orders',
  'SELECT id IS DISTINCT FROM (SELECT max(id) FROM hr.people) FROM sales.orders',
  'SELECT 1 IS DISTINCT FROM 2 FROM hr.people',
  'SELECT a FROM (SELECT 1 AS a) t(a), hr.people',
  'SELECT 1 AS from_x FROM sales.orders AS o JOIN hr.people USING (id)',
  'SELECT 1 FROM sales.orders TABLESAMPLE 10%, hr.people',
  'SELECT 1 FROM sales.orders USING SAMPLE 1 ROWS UNION ALL SELECT 2 FROM hr.people',
  'SELECT 1 FROM sales.orders AT (VERSION => (SELECT max(id) FROM hr.people))',
  'SELECT 1 WINDOW w AS (ORDER BY (SELECT max(name) FROM hr.people))',
  'SELECT 1 FROM sales.orders QUALIFY EXISTS (FROM hr.people)',
  'SELECT 1 FROM sales.orders SEMI JOIN hr.people USING (id)',
  'SELECT 1 FROM sales.orders NATURAL JOIN hr.people',
  'FROM range((SELECT max(id) FROM hr.people))',
  'FROM generate_series(1, (SELECT max(id) FROM hr.people))',
  'FROM repeat((SELECT max(name) FROM hr.people), 1)',
]

const key = { 'x-api-key': 'key of attacker' }
const admin = { 'x-api-key': 'key of admin' }

describe('ways around grants on parts of DuckDB', () => {
  let gateway: GatewayProcess
  let flight: FlightStub

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'attacker', key: 'key of attacker', roles: ['part'] },
          { name: 'admin', key: 'key of admin', roles: ['admin'] },
        ],
      },
      roles: {
        part: {
          grants: [
            { verbs: ['read', 'estimate'], sources: ['lake'], schemas: ['sales'] },
            { verbs: ['write', 'ingest'], sources: ['lake'], tables: ['sales.notes'] },
          ],
        },
      },
      sources: {
        lake: {
          kind: 'duckdb',
          writes: true,
          init: [
            'CREATE SCHEMA sales',
            'CREATE SCHEMA hr',
            'CREATE TABLE sales.orders AS SELECT 1 AS id',
            'CREATE TABLE sales.notes (note VARCHAR PRIMARY KEY)',
            "CREATE TABLE hr.people AS SELECT 1 AS id, now() AS born, 'topsecret' AS name, 1 AS salary_canary",
            'CREATE TABLE main.secrets AS FROM hr.people',
            'CREATE SEQUENCE hr.hr_seq',
            'CREATE MACRO own_macro() AS TABLE FROM hr.people',
            'CREATE MACRO scalar_macro() AS (SELECT max(name) FROM hr.people)',
          ],
        },
      },
      quotas: { requestsPerMinute: 0 },
    })
    flight = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    flight.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  /** Everything that an attacker gets of a statement, and whether it ran. */
  const overFlight = async (statement: string, headers: Readonly<Record<string, string>> = key) => {
    const info = await flight.call('GetFlightInfo', [commandOf(statement)], headers)
    const told = [info.details, ...info.messages.map((message) => message.toString('latin1'))]
    if (info.code !== 0) return { ran: false, told: told.join() }
    const got = await flight.call('DoGet', [ticketOf(FlightInfo.decode(info.messages[0]!))], headers)
    told.push(got.details, ...got.messages.map((message) => message.toString('latin1')))
    return { ran: got.code === 0, told: told.join() }
  }
  const overHttp = async (path: string, statement: string, headers: Readonly<Record<string, string>> = key) => {
    const response = await postJson(gateway, `/api/v1/${path}`, { query: statement }, headers)
    return { ran: response.ok, told: await response.text() }
  }
  const state = async () =>
    (
      await Promise.all(
        [
          'SELECT count(*) AS n, max(name) AS name FROM hr.people',
          'SELECT count(*) AS n FROM sales.notes',
          'SELECT database_name, schema_name, table_name FROM duckdb_tables() ORDER BY ALL',
          'SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL',
          'SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY ALL',
          'SELECT database_name FROM duckdb_databases() ORDER BY ALL',
          "SELECT nextval('hr.hr_seq') < 3 AS untouched",
        ].map((each) => overHttp('query', each, admin)),
      )
    ).map(({ told }) => JSON.parse(told).rows)

  it('what the principal may do works', async () => {
    for (const statement of ['FROM sales.orders', 'SELECT max(id) FROM lake."Sales".orders'])
      for (const { ran, told } of [await overFlight(statement), await overHttp('query', statement)])
        expect({ ran, told: ran ? '' : told }).toEqual({ ran: true, told: '' })
  })

  it('are closed, in each front, and change nothing', async () => {
    const before = await state()
    const open: string[] = []
    for (const attack of attacks) {
      const answers = await Promise.all([
        overFlight(attack),
        overHttp('query', attack),
        overHttp('estimate-cost', attack),
        overHttp('stream', attack),
      ])
      for (const [way, { ran, told }] of answers.entries())
        if (ran || secrets.some((secret) => told.includes(secret)))
          open.push(`${way}: ${attack}: ${told.slice(0, 300)}`)
    }
    expect(open).toEqual([])
    expect(await state()).toEqual(before)
  })
})
