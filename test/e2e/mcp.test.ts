import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson, runningQueries } from './http-client.ts'
import { PricedShop } from './priced-shop.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const READER = 'the key of the reader'
const WRITER = 'the key of the writer'
const PART = 'the key of one that may read a part'

/** A host of the MCP server, as the official client is one. */
class Host {
  readonly client: Client
  readonly transport: StdioClientTransport
  /** What the server has written to standard error. */
  noise = ''

  private constructor(client: Client, transport: StdioClientTransport) {
    this.client = client
    this.transport = transport
  }

  static async start(gateway: GatewayProcess, key: string, ...args: string[]): Promise<Host> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [main, 'mcp', '--endpoint', gateway.uri, ...args],
      env: { PATH: process.env['PATH']!, FLIGHTGATE_API_KEY: key },
      stderr: 'pipe',
    })
    const host = new Host(new Client({ name: 'test', version: '1' }), transport)
    transport.stderr?.on('data', (text) => {
      host.noise += text
    })
    await host.client.connect(transport)
    return host
  }

  /** Calls a tool; returns its text, with `error: ` before that of a failure. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const { content, isError } = await this.client.callTool({ name, arguments: args })
    const [first] = content as { type: string; text: string }[]
    expect(content).toHaveLength(1)
    return `${isError ? 'error: ' : ''}${first!.text}`
  }

  async stop(): Promise<void> {
    await this.client.close()
  }
}

const json = (text: string) => text.split('\n').map((line) => JSON.parse(line))

describe('the MCP server', () => {
  let shop: PricedShop
  let gateway: GatewayProcess
  let host: Host
  let writer: Host

  beforeAll(async () => {
    shop = await PricedShop.start(0)
    const { sources } = shop.configOf() as { sources: object }
    const init = [
      'CREATE SCHEMA sales',
      'CREATE TABLE sales.orders AS SELECT i AS id, i::VARCHAR AS note FROM range(1000) r(i)',
      'CREATE VIEW sales.latest AS SELECT * FROM sales.orders WHERE id > 990',
      'CREATE TABLE main.wide AS SELECT repeat(chr(97), 100000) AS text',
    ]
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'model', key: READER },
          { name: 'etl', key: WRITER, roles: ['writer'] },
          { name: 'part', key: PART, roles: ['part'] },
        ],
      },
      roles: { part: { grants: [{ verbs: ['read', 'estimate'], sources: ['demo'], tables: ['sales.latest'] }] } },
      sources: { ...sources, demo: { kind: 'duckdb', writes: true, init } },
      defaultSource: 'demo',
    })
    host = await Host.start(gateway, READER, '--max-rows', '20', '--max-bytes', '4000', '--max-cost', '0.0001')
    writer = await Host.start(gateway, WRITER)
  })
  afterAll(async () => {
    await Promise.all([host.stop(), writer.stop()])
    expect([host.noise, writer.noise]).toEqual(['', ''])
    expect(await gateway.stop()).toBe(0)
    await shop.fake.close()
  })

  it('tells its tools, which all only read', async () => {
    const { tools } = await host.client.listTools()
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'describe_table',
      'estimate_query',
      'list_sources',
      'list_tables',
      'run_query',
      'usage',
    ])
    expect(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true)).toEqual([])
    expect(host.client.getServerVersion()).toMatchObject({ name: 'flightgate' })
    expect(host.client.getInstructions()).toContain('estimate')
  })

  it('lists sources, tables by pattern, and the columns of a table', async () => {
    expect(json(await host.call('list_sources'))).toEqual([
      { name: 'wh', kind: 'bigquery' },
      { name: 'demo', kind: 'duckdb', default: true },
    ])
    const tables = await host.call('list_tables', { source: 'demo', schema: 'sales' })
    expect(tables).toBe('demo.sales.latest (VIEW)\ndemo.sales.orders\n(2 tables)')
    expect(await host.call('list_tables', { source: 'demo', name: 'no%' })).toContain('no such tables')
    const columns = await host.call('describe_table', { table: 'demo.sales.orders' })
    expect(columns).toContain('id int64\nnote string\n')
    expect(columns).toContain('1,000 rows')
    for (const table of ['orders', 'sales.orders', 'demo.sales.orders'])
      expect(await host.call('describe_table', { table, schema: 'sales', source: 'demo' })).toBe(columns)
  })

  it('runs a query: columns, rows, and whether the answer is complete', async () => {
    const [head, ...rest] = json(
      await host.call('run_query', { sql: 'SELECT id, note FROM demo.sales.orders ORDER BY id LIMIT 2' }),
    )
    expect(head).toEqual({ columns: ['id int64', 'note string'] })
    expect(rest).toEqual([[0, '0'], [1, '1'], { rows: 2, truncated: false }])
    const none = json(await host.call('run_query', { sql: 'SELECT id FROM sales.orders WHERE id < 0' }))
    expect(none).toEqual([{ columns: ['id int64'] }, { rows: 0, truncated: false }])
  })

  it('shows and reads what the grants of its key cover', async () => {
    const part = await Host.start(gateway, PART)
    try {
      expect(json(await part.call('list_sources'))).toEqual([{ name: 'demo', kind: 'duckdb', default: true }])
      expect(await part.call('list_tables')).toBe('demo.sales.latest (VIEW)\n(1 table)')
      expect(await part.call('describe_table', { table: 'demo.sales.orders' })).toMatch(/^error: /)
      expect(await part.call('run_query', { sql: 'SELECT id FROM sales.latest' })).not.toContain('error: ')
      for (const tool of ['run_query', 'estimate_query'])
        expect(await part.call(tool, { sql: 'SELECT id FROM sales.orders' })).toContain('lacks the grant')
      expect(await part.call('usage')).not.toContain('"etl"')
    } finally {
      await part.stop()
    }
    expect(part.noise).toBe('')
  })

  it('cuts an answer at its rows and at its bytes, and says so; the rest is not read', async () => {
    const byRows = json(await host.call('run_query', { sql: 'SELECT * FROM range(100000000)' }))
    expect(byRows).toHaveLength(22)
    expect(byRows.at(-1)).toMatchObject({ rows: 20, truncated: true, why: expect.stringContaining('after 20 rows') })
    const fewer = json(await host.call('run_query', { sql: 'SELECT * FROM range(100)', max_rows: 3 }))
    expect(fewer.at(-1)).toMatchObject({ rows: 3, truncated: true })
    const byBytes = json(await host.call('run_query', { sql: "SELECT repeat('x', 1000) AS t FROM range(10)" }))
    expect(byBytes.at(-1)).toMatchObject({ rows: 3, truncated: true, why: expect.stringContaining('4000 bytes') })
    const wide = json(await host.call('run_query', { sql: 'SELECT * FROM main.wide' }))
    expect(wide.at(-1)).toMatchObject({ rows: 0, truncated: true, why: expect.stringContaining('a row is larger') })
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it('refuses changes, also with a key that may make them', async () => {
    for (const sql of [
      'DELETE FROM sales.orders',
      'CREATE TABLE x AS SELECT 1',
      'INSERT INTO sales.orders VALUES (1, NULL)',
    ])
      expect(await writer.call('run_query', { sql })).toBe(
        'error: UNSAFE_STATEMENT: This server only reads, and the statement may change data.',
      )
    const count = json(await writer.call('run_query', { sql: 'SELECT count(*) AS n FROM sales.orders' }))
    expect(count[1]).toEqual([1000])
  })

  it('estimates a query, and refuses one above the price of the options', async () => {
    const estimate = await host.call('estimate_query', { sql: 'SELECT n FROM shop.t', source: 'wh' })
    expect(estimate).toMatch(/Costs +0\.006 USD/)
    expect(estimate).toContain('Refused')
    const refused = await host.call('run_query', { sql: 'SELECT n FROM shop.t', source: 'wh' })
    expect(refused).toMatch(/^error: .*0\.0001/)
    const run = json(await writer.call('run_query', { sql: 'SELECT n, 1 AS i FROM shop.t', source: 'wh' }))
    expect(run.at(-1)).toMatchObject({ rows: 1, truncated: false, cost_usd: expect.closeTo(0.00596, 4) })
    expect(await writer.call('usage')).toMatch(/Spent +0\.006 USD/)
    expect(await host.call('usage')).toMatch(/Today, model:\n(.*\n)*{"source":"demo","statements":[1-9]/)
  })

  it('an error is the gateway’s sentence, as an error of the tool', async () => {
    expect(await host.call('run_query', { sql: 'SELECT * FROM missing' })).toMatch(/^error: \w+: .*missing/)
    expect(await host.call('run_query', { sql: 'SELECT 1', source: 'nowhere' })).toMatch(
      /^error: .*nowhere.*known: wh, demo/,
    )
    expect(await host.call('run_query', { sql: '' })).toMatch(/^error: /)
    expect(await host.call('run_query', { sql: 'SELEC 1' })).toMatch(/^error: BAD_SQL: /)
    expect(await host.call('describe_table', { table: 'missing' })).toMatch(/^error: UNKNOWN_OBJECT: /)
  })

  it('an argument that a tool does not have is refused, with the names of those that it has', async () => {
    expect(await host.call('run_query', { sql: 'SELECT 1', limit: 5 })).toMatch(
      /^error: .*There is no argument limit: this tool takes sql, source, max_rows\./,
    )
    expect(await host.call('list_sources', { kind: 'duckdb' })).toContain(
      'There is no argument kind: this tool takes none',
    )
  })

  it('a statement that takes too long ends with a sentence, not with the words of the library', async () => {
    const hurried = await Host.start(gateway, READER, '--timeout', '2')
    const sql = 'SELECT sum(a.range * b.range) FROM range(2000000) a, range(2000000) b'
    expect(await hurried.call('run_query', { sql })).toMatch(/^error: DEADLINE: There was no answer within 2 s/)
    await hurried.stop()
  })

  it('a cancel of the host ends the statement', async () => {
    const controller = new AbortController()
    const sql = 'SELECT sum(a.range * b.range) FROM range(2000000) a, range(2000000) b'
    const call = host.client.callTool({ name: 'run_query', arguments: { sql } }, { signal: controller.signal })
    const ids = async () =>
      (await jsonOf(fetch(`http://${gateway.http}/api/v1/queries`, { headers: { 'x-api-key': READER } }))).queries
    await expect.poll(async () => (await ids()).length).toBe(1)
    controller.abort()
    await expect(call).rejects.toThrow()
    await expect.poll(async () => (await ids()).length).toBe(0)
  })

  it('a wrong key, and a gateway that is down: errors of the tools, not of the server', async () => {
    const stranger = await Host.start(gateway, 'wrong')
    expect(await stranger.call('list_sources')).toMatch(/^error: UNAUTHENTICATED/)
    await stranger.stop()
    const lost = await Host.start(gateway, READER, '--endpoint', 'grpc://127.0.0.1:1', '--timeout', '20')
    expect(await lost.call('list_sources')).toMatch(/^error: UNAVAILABLE: .*nothing listens there/)
    await lost.stop()
  })
})

describe('a call that only reads', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      sources: {
        demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT 1 AS i', 'CREATE SEQUENCE s'] },
      },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })
  const header = { 'x-flightgate-read-only': 'true' }

  it('over Flight and HTTP: refuses a change; reads pass', async () => {
    const stub = new FlightStub(gateway.flight)
    const refused = await stub.call('GetFlightInfo', [commandOf('DELETE FROM t')], header)
    expect(refused).toMatchObject({ code: 3, details: expect.stringContaining('x-flightgate-read-only') })
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT * FROM t')], header)).code).toBe(0)
    const wrong = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], { 'x-flightgate-read-only': 'yes' })
    expect(wrong).toMatchObject({ code: 3, details: expect.stringContaining('must be true or false') })
    stub.close()
    expect((await postJson(gateway, '/api/v1/query', { query: 'DROP TABLE t' }, header)).status).toBe(400)
    expect((await postJson(gateway, '/api/v1/query', { query: 'SELECT * FROM t' }, header)).status).toBe(200)
    await expect.poll(() => runningQueries(gateway)).toEqual([])
  })
})
