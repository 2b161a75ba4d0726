import { connect } from 'node:http2'
import { expect, it } from 'vitest'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, runPython } from '../e2e/python.ts'
import { openDoGet } from '../e2e/raw-do-get.ts'

/** Stated bound of the process with eight readers and a stalled one; see docs/operations.md. */
const MAX_RSS_BYTES = 512 << 20
/** 2 GiB in two columns of 64-bit integers. */
const ROWS = 2 ** 27
const READERS = 8

it.skipIf(!hasPython())(
  'eight clients read 2 GiB each while one more has stalled: memory stays bounded, only the stalled one ends',
  async () => {
    const gateway = await GatewayProcess.start({
      limits: { stallTimeoutMs: 5000 },
      sources: { demo: { kind: 'duckdb' } },
    })
    const stub = new FlightStub(gateway.flight)
    const sql = `SELECT range AS a, range * 7 AS b FROM range(${ROWS})`
    const ticket = ticketOf(await stub.info(sql))

    // The reader that opens a stream and then takes nothing.
    const session = connect(`http://${gateway.flight}`)
    const stalled = openDoGet(session, ticket)
    const reset = new Promise<number | undefined>((resolve) => {
      stalled.once('close', () => resolve(stalled.rstCode))
    })
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)

    const results = await Promise.all(
      Array.from({ length: READERS }, () =>
        runPython<{ rows: number; bytes: number; error: string | null }>('drain.py', gateway.uri, sql, '0'),
      ),
    )
    expect(results).toEqual(Array.from({ length: READERS }, () => ({ rows: ROWS, bytes: ROWS * 16, error: null })))

    const line = await gateway.line(({ code }) => code === 'STALLED')
    expect(line).toMatchObject({ status: 'DEADLINE_EXCEEDED', method: 'DoGet' })
    expect(await gateway.metric('flightgate_calls_total', { method: 'DoGet', code: 'DEADLINE_EXCEEDED' })).toBe(1)
    stalled.resume()
    expect(await reset).toBe(11)
    expect(gateway.memory().peakRssBytes).toBeLessThan(MAX_RSS_BYTES)
    await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    session.destroy()
    stub.close()
    expect(await gateway.stop()).toBe(0)
  },
  600_000,
)
