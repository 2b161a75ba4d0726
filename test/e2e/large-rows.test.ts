import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const MIB = 1 << 20

it.runIf(hasPython())(
  'a row above the client’s message limit fails at the client unless it raises the limit; long lists of literals work',
  async () => {
    const gateway = await GatewayProcess.start({ limits: { maxRowBytes: 24 * MIB } })
    expect(await runPython('large_rows.py', gateway.uri)).toMatchObject({
      raised: [1, 20 * MIB, 1],
      not_raised: { text: expect.stringMatching(/received message larger than max \(\d+ vs\. 16777216\)/) },
      above_max_row_bytes: { text: expect.stringContaining('limits.maxRowBytes') },
      adbc_long_list: [true, [[250_000]]],
      pyarrow_long_list: [{ n: 250_000 }],
    })
    expect(await gateway.stop()).toBe(0)
  },
  60_000,
)
