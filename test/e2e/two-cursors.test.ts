import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.runIf(hasPython())('second cursor next to a partly read one: client gets the reason at once', async () => {
  // A statement that waited for its turn would wait longer than the test.
  const gateway = await GatewayProcess.start({ limits: { queueWaitMs: 3_600_000 } })
  const seen = await runPython<Record<string, unknown>>('two_cursors.py', gateway.uri)
  const refused = {
    text: expect.stringContaining('half read: read it to its end or close it first, or use autocommit'),
  }
  expect(seen).toMatchObject({
    beside_half_read: refused,
    beside_half_read_for_a_while: refused,
    after_close: [[42]],
    with_autocommit: [[42]],
    after_all_was_read: [[42]],
  })
  expect(await gateway.stop()).toBe(0)
})
