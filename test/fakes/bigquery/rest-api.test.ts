import { afterEach, describe, expect, it } from 'vitest'
import { type BigQueryFake, type BigQueryFakeOptions, startBigQueryFake } from './fake.ts'
import { tpchTables } from './tpch-tables.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are read as they come
type Json = any

const fakes: BigQueryFake[] = []
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close()
})

async function started(options: BigQueryFakeOptions = {}) {
  const fake = await startBigQueryFake({ tables: tpchTables(), ...options })
  fakes.push(fake)
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const response = await fetch(`${fake.endpoint}/bigquery/v2/projects/test-project${path}`, init)
    return { status: response.status, body: (await response.json()) as Json }
  }
  const query = async (sql: string, more: object = {}) =>
    (await send('POST', '/queries', { query: sql, useLegacySql: false, ...more })).body
  const insert = (sql: string, query: object = {}, more: object = {}, reference: object = {}) =>
    send('POST', '/jobs', {
      configuration: { query: { query: sql, useLegacySql: false, ...query }, ...more },
      jobReference: reference,
    })
  return { fake, send, query, insert }
}

const slow = {
  schema: [{ name: 'x', type: 'INT64' }],
  rows: [{ f: [{ v: '1' }] }],
  durationMs: 200,
  processedBytes: 5e9,
}

describe('jobs.query', () => {
  it('gives the same job to the same requestId', async () => {
    const { fake, query } = await started()
    const [first, second] = [await query('SELECT 1', { requestId: 'a' }), await query('SELECT 1', { requestId: 'a' })]
    expect(second.jobReference).toEqual(first.jobReference)
    expect(fake.jobs.all).toHaveLength(1)
  })

  it('says that the job is not complete when the time is over; the job can then be waited for', async () => {
    const { fake, query, send } = await started()
    fake.answer('SELECT slow', slow)
    const { jobComplete, jobReference, rows } = await query('SELECT slow', { timeoutMs: 10 })
    expect({ jobComplete, rows }).toEqual({ jobComplete: false, rows: undefined })
    const results = await send('GET', `/queries/${jobReference.jobId}?timeoutMs=5000`)
    expect(results.body).toMatchObject({ jobComplete: true, totalRows: '1', rows: [{ f: [{ v: '1' }] }] })
  })

  it('keeps no job of a short query, but one of more than a page', async () => {
    const { query, send } = await started({ pageRows: 10 })
    const more = { jobCreationMode: 'JOB_CREATION_OPTIONAL' }
    const short = await query('SELECT o_orderkey FROM tpch.orders LIMIT 3', more)
    expect(short.jobReference).toBeUndefined()
    expect((await send('GET', `/jobs/${short.queryId}`)).status).toBe(404)
    const long = await query('SELECT o_orderkey FROM tpch.orders', more)
    expect(long).toMatchObject({ totalRows: '24', jobCreationReason: { code: 'LARGE_RESULTS' } })
    const rest = await send('GET', `/queries/${long.jobReference.jobId}?startIndex=20`)
    expect(rest.body.rows).toHaveLength(4)
  })

  it('refuses legacy SQL, which is the default', async () => {
    const { send } = await started()
    const answer = await send('POST', '/queries', { query: 'SELECT 1' })
    expect(answer).toMatchObject({ status: 400, body: { error: { errors: [{ reason: 'invalidQuery' }] } } })
  })

  it('tells a dry run’s bytes and schema, but neither its statement type nor their accuracy', async () => {
    const { query } = await started()
    const answer = await query('SELECT c_name FROM tpch.customer', { dryRun: true })
    expect(answer).toMatchObject({ totalBytesProcessed: '300000000', schema: { fields: [{ name: 'c_name' }] } })
    expect(Object.keys(answer)).not.toContain('statementType')
    expect(answer.jobReference.jobId).toBeUndefined()
  })
})

describe('a dry run of jobs.insert', () => {
  const estimate = async (sql: string, query: object = {}) => {
    const { insert } = await started()
    return (await insert(sql, query, { dryRun: true })).body
  }

  it('names parameters that have no value, with their types', async () => {
    const { statistics } = await estimate(
      'SELECT o_orderkey FROM tpch.orders WHERE o_orderdate = @day AND o_custkey > @least',
    )
    expect(statistics.query.undeclaredQueryParameters).toEqual([
      { name: 'day', parameterType: { type: 'DATE' } },
      { name: 'least', parameterType: { type: 'INT64' } },
    ])
  })

  it.each([
    [
      'UPDATE tpch.orders SET o_comment = @note, o_orderdate = @day WHERE o_custkey = @who',
      ['INT64', 'STRING', 'DATE'],
    ],
    ['INSERT INTO tpch.orders (o_comment, o_custkey) VALUES (?, ?)', ['STRING', 'INT64']],
  ])('%s: parameters have the types of their columns', async (sql, types) => {
    const { statistics } = await estimate(sql)
    const found = statistics.query.undeclaredQueryParameters as { parameterType: { type: string } }[]
    expect(found.map(({ parameterType }) => parameterType.type)).toEqual(types)
  })

  it.each([
    [
      "SELECT event_name FROM `web.events_*` WHERE _TABLE_SUFFIX BETWEEN '20240101' AND '20240102'",
      2 * 28_000_000,
      'PRECISE',
    ],
    ["SELECT event_name FROM `web.events_*` WHERE _TABLE_SUFFIX IN ('20240101')", 28_000_000, 'PRECISE'],
    ["SELECT l_comment FROM tpch.lineitem WHERE l_shipmode = 'AIR'", 20_881_318_990, 'UPPER_BOUND'],
    ['SELECT COUNT(*) FROM web.logs WHERE _PARTITIONTIME >= TIMESTAMP "2024-03-01"', 0, 'PRECISE'],
    ['SELECT c_custkey FROM tpch.customer; SELECT c_custkey FROM tpch.customer', 240_000_000, 'PRECISE'],
    [
      'SELECT c_custkey FROM tpch.customer; CREATE TABLE tpch.x AS SELECT 1; SELECT * FROM tpch.part',
      120_000_000,
      'LOWER_BOUND',
    ],
    ['FROM tpch.customer |> WHERE c_custkey > 3 |> SELECT c_acctbal', 360_000_000, 'PRECISE'],
    ["UPDATE tpch.customer SET c_name = 'x' WHERE c_custkey = 1", 2_842_500_000, 'PRECISE'],
    [
      'UPDATE tpch.supplier s SET s_comment = c.c_name FROM tpch.customer c WHERE c.c_custkey = s.s_suppkey',
      8_000_000 + 160_500_000 + 120_000_000 + 300_000_000,
      'PRECISE',
    ],
    [
      'MERGE tpch.supplier s USING tpch.customer c ON c.c_custkey = s.s_suppkey WHEN NOT MATCHED THEN INSERT (s_suppkey) VALUES (c.c_nationkey)',
      8_000_000 + 120_000_000 + 120_000_000,
      'PRECISE',
    ],
  ])('%s: %i bytes', async (sql, bytes, accuracy) => {
    const { statistics } = await estimate(sql)
    expect(statistics.query).toMatchObject({
      totalBytesProcessed: String(bytes),
      totalBytesProcessedAccuracy: accuracy,
    })
  })

  it('fails without the filter that a table demands', async () => {
    const { error } = await estimate('SELECT message FROM web.logs')
    expect(error.message).toContain("Cannot query over table 'test-project.web.logs' without a filter over column(s)")
  })
})

describe('a job', () => {
  it('with an id that exists is refused', async () => {
    const { insert } = await started()
    expect((await insert('SELECT 1', {}, {}, { jobId: 'mine' })).status).toBe(200)
    expect(await insert('SELECT 1', {}, {}, { jobId: 'mine' })).toMatchObject({
      status: 409,
      body: { error: { errors: [{ reason: 'duplicate' }] } },
    })
  })

  it('fails later than its insertion; its results then answer the error', async () => {
    const { fake, insert, send } = await started()
    const { status, body } = await insert('SELECT 1 FROM tpch.nothing')
    expect(status).toBe(200)
    await fake.jobs.all[0]!.done
    const job = await send('GET', `/jobs/${body.jobReference.jobId}`)
    expect(job.body.status).toMatchObject({ state: 'DONE', errorResult: { reason: 'notFound' } })
    expect((await send('GET', `/queries/${body.jobReference.jobId}`)).status).toBe(404)
  })

  it.each([
    ['nothing', 0],
    ['all', 4769 * 1024 * 1024],
  ] as const)('when canceled bills %s', async (canceledBill, billed) => {
    const { fake, insert, send } = await started({ canceledBill })
    fake.answer('SELECT slow', { ...slow, durationMs: 60_000 })
    const { body } = await insert('SELECT slow')
    const path = `/jobs/${body.jobReference.jobId}`
    await expect.poll(async () => (await send('GET', path)).body.status.state).toBe('RUNNING')
    expect((await send('POST', `${path}/cancel?location=US`)).status).toBe(200)
    await fake.jobs.all[0]!.done
    expect((await send('GET', path)).body).toMatchObject({
      statistics: { query: { totalBytesBilled: String(billed) } },
      status: { errorResult: { reason: 'stopped' } },
    })
  })

  it('of a clustered table bills less than its estimate, which the limit is compared with', async () => {
    const { fake, query } = await started()
    const sql = "SELECT l_comment FROM tpch.lineitem WHERE l_shipmode = 'AIR'"
    const answer = await query(sql)
    expect(answer.totalBytesProcessed).toBe(String(Math.round(20_881_318_990 * 0.2)))
    const refused = await query(`${sql} AND 1 = 1`, { maximumBytesBilled: String(10e9) })
    expect(refused.error.errors[0].reason).toBe('bytesBilledLimitExceeded')
    expect(fake.billedBytes).toBe(Number(answer.totalBytesBilled))
  })

  it('in another location than its tables finds nothing', async () => {
    const { query } = await started()
    const { error } = await query('SELECT c_name FROM tpch.customer', { location: 'EU' })
    expect(error).toMatchObject({
      code: 404,
      message: 'Not found: Dataset test-project:tpch was not found in location EU',
    })
  })

  it('is listed by time, state and parent, newest first', async () => {
    const { fake, insert, send } = await started()
    await insert('SELECT 1; SELECT 2', {}, { labels: { team: 'blue' } })
    await fake.jobs.all[0]!.done
    const since = fake.jobs.all[0]!.createdAt
    const { jobs } = (await send('GET', `/jobs?projection=full&minCreationTime=${since}&stateFilter=done`)).body
    expect(jobs).toHaveLength(1)
    expect(jobs[0]).toMatchObject({ state: 'DONE', configuration: { labels: { team: 'blue' } } })
    const children = (await send('GET', `/jobs?parentJobId=${jobs[0].jobReference.jobId}`)).body.jobs
    expect(children.map((job: Json) => job.statistics.parentJobId)).toEqual(
      new Array(2).fill(jobs[0].jobReference.jobId),
    )
    expect((await send('GET', `/jobs?minCreationTime=${Date.now() + 1000}`)).body.jobs).toEqual([])
  })
})

describe('failures', () => {
  it('are what the test orders, in the order of the orders', async () => {
    const { fake, send } = await started()
    fake.faults.add({ method: 'datasets.list', error: { status: 503, reason: 'backendError', message: 'Try again' } })
    fake.faults.add({ method: 'datasets.list', text: { status: 502, body: '<html>Bad Gateway</html>' } })
    fake.faults.add({ method: 'datasets.list', reset: true })
    expect(await send('GET', '/datasets')).toMatchObject({
      status: 503,
      body: { error: { errors: [{ reason: 'backendError' }] } },
    })
    await expect(send('GET', '/datasets')).rejects.toThrow('not valid JSON')
    await expect(send('GET', '/datasets')).rejects.toThrow('fetch failed')
    expect((await send('GET', '/datasets')).status).toBe(200)
  })

  it('can hide that the request took effect', async () => {
    const { fake, insert } = await started()
    fake.faults.add({ method: 'jobs.insert', late: true, reset: true })
    await expect(insert('SELECT 1', {}, {}, { jobId: 'mine' })).rejects.toThrow('fetch failed')
    expect(fake.jobs.all.map(({ id }) => id)).toEqual(['mine'])
  })

  it('answer 401 without the right token', async () => {
    const { send } = await started({ token: 'secret' })
    expect((await send('GET', '/datasets')).status).toBe(401)
    expect((await send('GET', '/datasets', undefined, { authorization: 'Bearer secret' })).status).toBe(200)
  })
})
