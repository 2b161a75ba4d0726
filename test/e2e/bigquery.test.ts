import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

let fake: BigQueryFake
let gateway: GatewayProcess
let seen: Readonly<Record<string, unknown>>

describe.skipIf(!hasPython())('a BigQuery source', () => {
  beforeAll(async () => {
    fake = await startBigQueryFake({
      pageRows: 8000,
      smallTableBytes: 0,
      tables: [
        {
          dataset: 'shop',
          name: 'few',
          location: 'EU',
          schema: [
            { name: 'n', type: 'INT64' },
            { name: 'name', type: 'STRING' },
          ],
          rows: ['1', '2', '3'].map((n) => ({ f: [{ v: n }, { v: n === '1' ? null : `name ${n}` }] })),
        },
        {
          dataset: 'shop',
          name: 'orders',
          location: 'EU',
          schema: [
            { name: 'id', type: 'INT64' },
            { name: 'item', type: 'STRING' },
          ],
          rows: (i) => ({ f: [{ v: String(i) }, { v: `item ${i}` }] }),
          numRows: 30_000,
        },
      ],
    })
    fake.answer(/^SELECT 1 AS slow/, {
      schema: [{ name: 'slow', type: 'INT64' }],
      // Its jobs run until they are cancelled.
      durationMs: 3_600_000,
      estimatedBytes: 5,
      processedBytes: 5,
    })
    const warehouse = {
      kind: 'bigquery',
      projectId: 'test-project',
      endpoint: fake.endpoint,
      storageEndpoint: fake.storageEndpoint,
      anonymous: true,
      writes: true,
    }
    gateway = await GatewayProcess.start({ sources: { warehouse } })
    seen = await runPython('bigquery_statements.py', gateway.uri, fake.endpoint)
  })

  afterAll(async () => {
    await gateway?.stop()
    await fake?.close()
  })

  it('answers with rows, in order where the statement orders, and with a schema where there is no row', () => {
    expect(seen['rows']).toEqual([
      { n: 1, name: null },
      { n: 2, name: 'name 2' },
      { n: 3, name: 'name 3' },
    ])
    expect(seen['many']).toEqual([30_000, 30_000, 'id: int64\nitem: string'])
    expect(seen['ordered']).toBe(true)
    expect(seen['empty']).toEqual([0, ['n', 'name']])
  })

  it('tells the rows that a change has affected, and returns the rows of a script', () => {
    expect(seen['dml']).toBe(2)
    expect(seen['script']).toEqual([
      { n: 1, name: null },
      { n: 2, name: 'z' },
    ])
  })

  it('tells what is wrong with a statement', () => {
    expect(seen['invalid']).toMatchObject({ error: 'ArrowInvalid', text: expect.stringContaining('Syntax error') })
    expect(seen['missing_table']).toMatchObject({ text: expect.stringContaining('no permission to see it') })
    expect(seen['missing_dataset']).toMatchObject({
      error: 'FlightUnauthorizedError',
      text: expect.stringContaining('No permission, or it does not exist'),
    })
  })

  it('a deadline and a cancel end the job', async () => {
    expect(seen['deadline']).toBe('timed out')
    expect(seen['cancelled']).toMatchObject({ text: expect.stringMatching(/cancel/i) })
    const slow = fake.jobs.all.filter(({ configuration }) => configuration.query.query.startsWith('SELECT 1 AS slow'))
    expect(slow.length).toBe(2)
    await waitFor(() => slow.every(({ state }) => state === 'DONE'), 'the jobs end')
    expect(fake.requests.filter(({ method }) => method === 'jobs.cancel')).toHaveLength(2)
  })

  it('every job had a limit of billed bytes, standard SQL, and the location of its tables', () => {
    const bodies = fake.requests
      .filter(({ method }) => method === 'jobs.insert' || method === 'jobs.query')
      .map(({ body }) => body as { readonly configuration?: { readonly dryRun?: boolean; readonly query?: object } })
    const runs = bodies
      .filter(({ configuration }) => !configuration?.dryRun)
      .map((body) => body.configuration?.query ?? body)
    expect(runs.length).toBeGreaterThan(7)
    for (const run of runs)
      expect(run).toMatchObject({ useLegacySql: false, maximumBytesBilled: expect.stringMatching(/^\d+$/) })
  })

  it('counts jobs and results', async () => {
    const metric = await gateway.metrics()
    expect(metric('flightgate_bigquery_results_total', { path: 'storage' })).toBe(2)
    expect(metric('flightgate_bigquery_jobs_total', { outcome: 'cancelled' })).toBe(2)
    // Bills are asked for after the answers.
    await expect.poll(() => gateway.metric('flightgate_bigquery_billed_bytes_total')).toBeGreaterThan(10 << 20)
  })
})
