import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'

describe('query and stream', () => {
  let gateway: GatewayProcess
  const post = async (path: string, body: object, headers: Record<string, string> = {}, method = 'POST') =>
    await fetch(`http://${gateway.http}/api/v1/${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const problem = async (response: Response) => {
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const body = (await response.json()) as { status: number; code: string; detail: string; errors?: unknown }
    expect(body.status).toBe(response.status)
    return body
  }

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', writes: true } } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('answers with columns, rows and their number', async () => {
    const response = await post('query', { query: 'SELECT range AS n, NULL AS nothing FROM range(3)' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      columns: [
        { name: 'n', type: 'int64' },
        { name: 'nothing', type: 'int32' },
      ],
      rows: [
        { n: 0, nothing: null },
        { n: 1, nothing: null },
        { n: 2, nothing: null },
      ],
      row_count: 3,
      metrics: { data_source: 'demo', rows: 3, cache_hit: false },
    })
  })

  it('answers in the format that accept prefers', async () => {
    const query = { query: "SELECT 1 AS one, 'a,b' AS text" }
    const as = async (accept: string) => await post('query', query, { accept })
    expect(await (await as('text/csv, application/json;q=0.9')).text()).toBe('one,text\r\n1,"a,b"\r\n')
    expect(await (await as('application/jsonl')).text()).toBe('{"one":1,"text":"a,b"}\n')
    expect(await (await as('text/csv;q=0.1, */*')).json()).toMatchObject({ row_count: 1 })
    const arrow = await as('application/vnd.apache.arrow.stream')
    expect(
      tableFromIPC(new Uint8Array(await arrow.arrayBuffer()))
        .toArray()
        .map(String),
    ).toEqual(['{"one": 1, "text": "a,b"}'])
    const refused = await as('application/pdf, application/json;q=0')
    expect(await problem(refused)).toMatchObject({ status: 406, code: 'NOT_ACCEPTABLE' })
  })

  it('streams rows in each format', async () => {
    const query = 'SELECT range AS n FROM range(5)'
    expect(await (await post('stream', { query, chunk_size: 2 })).json()).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })))
    const arrays = await post('stream', { query, format: 'ndjson', row_format: 'arrays', numbers: 'text' })
    expect(await arrays.text()).toBe('["0"]\n["1"]\n["2"]\n["3"]\n["4"]\n')
    expect(await (await post('stream', { query, format: 'csv' })).text()).toBe('n\r\n0\r\n1\r\n2\r\n3\r\n4\r\n')
    const arrow = await post('stream', { query, format: 'arrow' }, { accept: 'text/csv' })
    expect(tableFromIPC(new Uint8Array(await arrow.arrayBuffer())).numRows).toBe(5)
  })

  it('compresses answers, but not tiny ones', async () => {
    const encodingOf = async (rows: number, accepted: string) => {
      const query = { query: `SELECT range AS n FROM range(${rows})` }
      const response = await post('query', query, { 'accept-encoding': accepted })
      expect(await response.json()).toMatchObject({ row_count: rows })
      expect(response.headers.get('vary')).toBe('accept, accept-encoding, authorization, x-api-key, auth-token-bin')
      return [response.headers.get('content-encoding'), response.headers.has('content-length')]
    }
    expect(await encodingOf(1, 'gzip')).toEqual([null, true])
    expect(await encodingOf(10_000, 'identity')).toEqual([null, false])
    for (const encoding of ['gzip', 'br', 'zstd']) expect(await encodingOf(10_000, encoding)).toEqual([encoding, false])
    expect(await encodingOf(10_000, 'gzip;q=0.1, br;q=0.2')).toEqual(['br', false])
  })

  it('tells empty text from null in CSV', async () => {
    const query = `SELECT '' AS a, NULL AS b, 'x"y' AS c`
    expect(await (await post('stream', { query, format: 'csv' })).text()).toBe('a,b,c\r\n"",,"x""y"\r\n')
  })

  it('answers several requests that come in one packet, in their order', async () => {
    const [host, port] = gateway.http.split(':')
    const socket = connect(Number(port), host)
    let answers = ''
    socket.on('data', (chunk) => {
      answers += chunk.toString()
    })
    const requestOf = (n: number, last: boolean) => {
      const body = JSON.stringify({ query: `SELECT ${n} AS n, repeat('x', 2000) AS x`, format: 'ndjson' })
      const head = `POST /api/v1/stream HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json`
      const close = last ? '\r\nconnection: close' : ''
      return `${head}${close}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    }
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write([1, 2, 3, 4].map((n) => requestOf(n, n === 4)).join(''))
    await closed
    expect([...answers.matchAll(/\{"n":(\d)/g)].map(([, n]) => n)).toEqual(['1', '2', '3', '4'])
  })

  it('takes calls by address or localhost only, while there are no keys', async () => {
    const as = async (host: string) => {
      const body = '{"query":"SELECT 1"}'
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', host }
        request(`http://${gateway.http}/api/v1/query`, { method: 'POST', headers }, resolve)
          .on('error', reject)
          .end(body)
      })
      response.resume()
      return response.statusCode
    }
    expect(await Promise.all(['127.0.0.1:8080', 'localhost', '[::1]:9', 'LocalHost:1'].map(as))).toEqual([
      200, 200, 200, 200,
    ])
    expect(await Promise.all(['evil.example', 'evil.example:8080', '127.0.0.1.evil.example'].map(as))).toEqual([
      403, 403, 403,
    ])
  })

  it('scans a table', async () => {
    await post('query', { query: "CREATE TABLE scanned AS SELECT range AS n, 'x' AS x FROM range(10)" })
    const table = { name: 'scanned', columns: ['n'], filter: 'n > 3', limit: 2 }
    expect(await (await post('stream', { table })).json()).toEqual([{ n: 4 }, { n: 5 }])
    expect(await (await post('query', { table: 'scanned' })).json()).toMatchObject({ row_count: 10 })
  })

  it('binds parameters', async () => {
    const query = 'SELECT ? + 1 AS n, ?::DATE AS d, ? AS t, ?::DECIMAL(10, 2) AS m'
    const response = await post('stream', { query, parameters: [41, '2026-01-31', 'x', '1.50'] })
    expect(await response.json()).toEqual([{ n: 42, d: '2026-01-31', t: 'x', m: 1.5 }])
  })

  it.each([
    ['SELECT ?', undefined, 'The statement has 1 parameter, and the request has 0.'],
    ['SELECT ?', [], 'The statement has 1 parameter, and the request has 0.'],
    ['SELECT ?', [1, 2], 'The statement has 1 parameter, and the request has 2.'],
    ['SELECT ?, ?', [1], 'The statement has 2 parameters, and the request has 1.'],
    ['SELECT 1', [1], 'The statement has 0 parameters, and the request has 1.'],
  ])('tells how many parameters %s has beside %j', async (query, parameters, detail) => {
    const refused = { code: 'BAD_REQUEST', detail }
    expect(await problem(await post('query', { query, parameters }))).toMatchObject({ status: 400, ...refused })
    const batch = await post('batch', { queries: [{ query, parameters }] })
    expect(await batch.json()).toMatchObject({ results: [{ status: 'failed', error: refused }] })
  })

  it('tells how many rows each kind of change has changed, or stored in a new table', async () => {
    for (const [query, affected_rows] of [
      ['CREATE TABLE counted AS SELECT range AS n FROM range(7)', 7],
      ['CREATE OR REPLACE TABLE counted AS SELECT range AS n FROM range(5000)', 5000],
      ['CREATE TABLE IF NOT EXISTS counted AS SELECT 1 AS n', 0],
      ['INSERT INTO counted VALUES (1), (2)', 2],
      ['INSERT INTO counted VALUES (3), (4), (5) RETURNING n', 3],
      ['UPDATE counted SET n = -1 WHERE n < 2', 3],
      ['DELETE FROM counted WHERE n = -1', 3],
      ['DROP TABLE counted', 0],
    ] as const)
      expect(await (await post('query', { query })).json(), query).toMatchObject({
        affected_rows,
      })
  })

  it('changes data, and tells how many rows; QUERY refuses to', async () => {
    await post('query', { query: 'CREATE TABLE changed(n INT)' })
    const insert = { query: 'INSERT INTO changed SELECT range FROM range(7)' }
    expect(await (await post('query', insert)).json()).toMatchObject({ affected_rows: 7 })
    expect(await problem(await post('query', insert, {}, 'QUERY'))).toMatchObject({ code: 'UNSAFE_STATEMENT' })
    const count = await post('query', { query: 'SELECT count(*) AS n FROM changed' }, {}, 'QUERY')
    expect(await count.json()).toMatchObject({ rows: [{ n: 7 }] })
    await post('query', { query: 'CREATE SEQUENCE s' })
    expect((await post('query', { query: "SELECT nextval('s')" })).status).toBe(200)
    expect((await post('query', { query: "SELECT nextval('s')" }, {}, 'QUERY')).status).not.toBe(200)
  })

  it('refuses text that an engine would read differently: a NUL ends it, half of a surrogate pair becomes another character', async () => {
    await post('query', { query: 'CREATE TABLE kept AS SELECT range AS n FROM range(10)' })
    const cut = 'DELETE FROM kept WHERE n < 9 \0 AND n < 1'
    const nul = {
      code: 'BAD_REQUEST',
      errors: [{ message: 'must not contain a NUL character, which engines do not accept' }],
    }
    for (const [path, body] of [
      ['query', { query: cut }],
      ['stream', { query: cut }],
      ['stream/sse', { query: cut }],
      ['batch', { queries: [{ query: cut }] }],
      ['batch/stream', { queries: [{ query: cut }] }],
      ['estimate-cost', { query: cut }],
      ['query', { table: 'kept\0' }],
      ['query', { table: { name: 'kept\0' } }],
      ['query', { table: { name: 'kept', filter: 'n < 9\0' } }],
      ['query', { table: { name: 'kept', columns: ['n\0'] } }],
    ] as const)
      expect(await problem(await post(path, body))).toMatchObject(nul)
    expect(await problem(await post('query', { query: "SELECT '\ud800' AS half" }))).toMatchObject({
      detail: 'query: must be Unicode: it has half of a surrogate pair',
    })
    expect(await problem(await post('query', { query: 'SELECT ? AS half', parameters: ['\ud800'] }))).toMatchObject({
      detail: 'parameters[0]: must be Unicode: it has half of a surrogate pair',
    })
    const count = await post('query', { query: 'SELECT count(*) AS n FROM kept' })
    expect(await count.json()).toMatchObject({ rows: [{ n: 10 }] })
  })

  it('refuses a query string, which would seem to choose the source or the format', async () => {
    for (const path of ['query?data_source=lake', 'stream?format=csv', 'batch?timeout=1s'])
      expect(await problem(await post(path, { query: 'SELECT 1' }))).toMatchObject({
        code: 'BAD_REQUEST',
        detail: expect.stringMatching(/^The route takes no query string \((data_source|format|timeout)\): give/),
      })
  })

  it('a column that is nested too deeply for text is no fault of the source', async () => {
    const query = `SELECT ${'{a: '.repeat(80)}1${'}'.repeat(80)} AS deep`
    expect(await problem(await post('query', { query }))).toMatchObject({
      status: 501,
      code: 'UNSUPPORTED_TYPE',
      detail: 'A column has types within types, more than 64 levels deep: cast it.',
    })
    expect((await post('stream', { query, format: 'arrow' })).status).toBe(200)
  })

  it('names the field at fault', async () => {
    const errors = async (path: string, body: object) => (await problem(await post(path, body))).errors
    expect(await errors('query', {})).toEqual([{ path: 'query', message: 'give query or table, one of them' }])
    expect(await errors('query', { query: 'SELECT 1', format: 'csv' })).toEqual([
      { path: 'format', message: 'only /api/v1/stream has this field: here the header accept says the format' },
    ])
    expect(await errors('query', { query: 'SELECT $name', parameters: { name: 1 } })).toEqual([
      { path: 'parameters.arrow', message: 'must be given' },
      { path: 'parameters.name', message: 'there is no such field: give the values as an array, by position' },
    ])
    expect(await errors('query', { query: 'SELECT 1', tabel: 't' })).toEqual([
      { path: 'tabel', message: 'there is no such field: did you mean table?' },
    ])
    expect(await errors('stream', { query: 'SELECT 1', chunk_size: 0 })).toEqual([
      { path: 'chunk_size', message: 'must be at least 1' },
    ])
    expect(await errors('stream', { query: 'SELECT 1', chunk_size: 10_001 })).toEqual([
      { path: 'chunk_size', message: 'must be at most 10000' },
    ])
    expect(await errors('stream', { query: 'SELECT 1', format: 'xml' })).toEqual([
      { path: 'format', message: 'must be one of "json", "ndjson", "csv", "arrow"' },
    ])
    expect(await errors('query', { table: { name: 't', columns: [1] } })).toEqual([
      { path: 'table.columns[0]', message: 'must be text' },
    ])
    expect(await errors('query', { query: 5 })).toEqual([{ path: 'query', message: 'must be text' }])
    expect(await errors('query', { query: 'SELECT 1', timeout: 'soon' })).toEqual([
      { path: 'timeout', message: 'must be a time of at least 100 ms, such as 500, "500ms" or "30s"' },
    ])
  })

  it('tells of errors of statements with their status, before any row', async () => {
    expect(await problem(await post('query', { query: 'SELEC 1' }))).toMatchObject({ status: 400, code: 'BAD_SQL' })
    expect(await problem(await post('query', { query: 'SELECT * FROM none' }))).toMatchObject({ status: 404 })
    expect(await problem(await post('query', { query: 'SELECT 1', data_source: 'lake' }))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_SOURCE',
    })
    const failing = { query: "SELECT CAST(CASE WHEN range = 1 THEN 'x' ELSE '1' END AS INT) AS n FROM range(2)" }
    expect(await problem(await post('query', failing))).toMatchObject({ status: 400, code: 'BAD_DATA' })
    const slow = { query: 'SELECT count(*) FROM range(100000) a, range(10000000) b', timeout: '100ms' }
    expect(await problem(await post('query', slow))).toMatchObject({
      status: 504,
      code: 'DEADLINE',
      detail: expect.stringMatching(/its [\d,]+ ms: give it more time \(timeout\)/),
    })
  })
})
