import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.runIf(hasPython())(
  'second cursor next to a partly read one: client gets the reason at once',
  async () => {
    const gateway = await GatewayProcess.start()
    const seen = await runPython<Record<string, unknown>>('two_cursors.py', gateway.uri)
    expect(seen).toMatchObject({
      beside_half_read: {
        text: expect.stringContaining('half read: read it to its end or close it first, or use autocommit'),
      },
      after_close: [[42]],
      with_autocommit: [[42]],
      after_all_was_read: [[42]],
    })
    expect(seen['seconds_until_refused']).toBeLessThan(5)
    expect(await gateway.stop()).toBe(0)
  },
  60_000,
)
