import { connect } from 'node:http2'
import { expect, it } from 'vitest'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, runPython } from '../e2e/python.ts'
import { openDoGet } from '../e2e/raw-do-get.ts'

/** The documented memory bound of the process with eight readers and a stalled one, and what it consists of: docs/operations.md. */
const MAX_RSS_BYTES = 640 << 20
const READERS = 8
const ROW_BYTES = 16
/**
 * Rows of each result, in two columns of 64-bit integers. The results are together more than four times what all buffers may
 * hold below the bound, and that of the stalled client alone is as large: the gateway cannot hold them and stay below it.
 */
const ROWS = 2 ** 24
const STALLED_ROWS = 2 ** 27

it.skipIf(!hasPython())(
  'one client stalls next to eight that read: memory stays below the documented bound, only the stalled stream ends',
  async () => {
    await fillCompileCache()
    const gateway = await GatewayProcess.start({
      // The clients that read must never pause for so long, also on a machine that is busy.
      limits: { stallTimeoutMs: 20_000 },
      sources: { demo: { kind: 'duckdb' } },
    })
    const stub = new FlightStub(gateway.flight)
    const sql = (rows: number) => `SELECT range AS a, range * 7 AS b FROM range(${rows})`
    const ticket = ticketOf(await stub.info(sql(STALLED_ROWS)))

    // This client opens a stream and then stops reading.
    const session = connect(`http://${gateway.flight}`)
    const stalled = openDoGet(session, ticket)
    const reset = new Promise<number | undefined>((resolve) => {
      stalled.once('close', () => resolve(stalled.rstCode))
    })
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)

    const results = await Promise.all(
      Array.from({ length: READERS }, () =>
        runPython<{ rows: number; bytes: number; error: string | null }>('drain.py', gateway.uri, sql(ROWS), '0'),
      ),
    )
    expect(results).toEqual(
      Array.from({ length: READERS }, () => ({ rows: ROWS, bytes: ROWS * ROW_BYTES, error: null })),
    )

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

/** Runs a statement once: in a fresh clone every thread of the first process would load what strips the sources of their types. */
async function fillCompileCache(): Promise<void> {
  const gateway = await GatewayProcess.start()
  const stub = new FlightStub(gateway.flight)
  await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1'))])
  stub.close()
  await gateway.stop()
}
