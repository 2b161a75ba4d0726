import { totalmem } from 'node:os'
import { expect, it } from 'vitest'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { MemoryGroup } from '../e2e/memory-group.ts'

const MIB = 2 ** 20
const CONTAINER_BYTES = 768 * MIB
const ROWS = 8_000_000
/** Sorts about 800 MB and returns ten rows. */
const sort = `SELECT range, range || repeat('x', 80) AS text FROM range(${ROWS}) ORDER BY hash(range) OFFSET ${ROWS - 10}`

it('container of 768 MiB, default settings: a larger sort spills to disk, the process survives', async () => {
  const group = MemoryGroup.make(CONTAINER_BYTES)
  // Without a cgroup the machine's memory counts, so the test sets the limit that DuckDB would get.
  const byHand = group ? {} : { sources: { demo: { kind: 'duckdb', memoryLimitBytes: CONTAINER_BYTES / 3 } } }
  const gateway = await GatewayProcess.start(byHand, {}, group?.launcher)
  try {
    const availableBytes = group ? CONTAINER_BYTES : totalmem()
    expect(await gateway.line(({ event }) => event === 'memory')).toMatchObject({
      availableBytes,
      duckDbBytes: { demo: CONTAINER_BYTES / 3 },
    })
    const stub = new FlightStub(gateway.flight)
    const { code, details } = await stub.call('DoGet', [ticketOf(await stub.info(sort))], {}, 100_000)
    expect([code, details]).toEqual([0, ''])
    expect((await stub.call('DoGet', [ticketOf(await stub.info('SELECT 42'))])).code).toBe(0)
    expect(gateway.memory().peakRssBytes).toBeLessThan(CONTAINER_BYTES)
    stub.close()
  } finally {
    await gateway.stop()
    group?.remove()
  }
}, 120_000)
