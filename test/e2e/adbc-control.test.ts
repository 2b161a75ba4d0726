import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.runIf(hasPython())('ADBC from Python, beyond queries', () => {
  let gateway: GatewayProcess
  let seen: Record<string, unknown>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    seen = await runPython('adbc_control.py', gateway.uri, 'etl', 'etl-key', gateway.http)
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('commits, rolls back, and rolls back open transactions on close', () => {
    expect(seen['commit_and_roll_back']).toEqual([[[1]], [[0]], [[1], [3], [4]]])
    expect(seen['failed_transaction']).toEqual([[60]])
  })

  it('cancels a query, then reuses the connection', () => {
    expect(seen['cancel']).toEqual(['CANCELLED', [[1]]])
    expect(seen['close_unread']).toEqual([[1]])
  })

  it('executes incrementally, and reads partitions', () => {
    expect(seen['incremental']).toEqual({ rows: [[true]], parts: 1, progress: true })
    expect(seen['incremental_cancel']).toBe('CANCELLED')
    expect(seen['partitions']).toEqual([1, 'i: int64', [[0], [1], [2]]])
  })

  it('chooses the schema of the connection', () => {
    expect(seen['current_names']).toEqual([['demo', 'main'], 'other', [[42]]])
    expect(seen['table_schema']).toEqual(['int64', expect.arrayContaining(['BASE TABLE', 'VIEW'])])
  })

  it('shows code, position and details of an error', () => {
    const { text, details } = seen['error_details'] as {
      text: string
      details: Record<string, string>
    }
    expect(text).toContain('nope')
    expect(details).toMatchObject({
      "b'x-flightgate-error'": expect.stringContaining('BAD_SQL'),
      "b'x-flightgate-sql-position'": expect.stringContaining('2:16'),
    })
    expect(Object.keys(details)).toContain("b'grpc-status-details-bin'")
    expect(seen['statement_timeout']).toMatchObject({ status: 'TIMEOUT' })
  })

  it('ingests and fetches data frames', () => {
    expect(seen['pandas_round_trip']).toEqual([6, true])
    expect(seen['polars_round_trip']).toEqual([6, true])
  })

  it('leaks no statement or transaction', async () => {
    // A statement whose client leaves between two polls ends after limits.pollIdleMs.
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight'), { timeout: 90_000 }).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_transactions_open')).toBe(0)
  }, 120_000)
})
