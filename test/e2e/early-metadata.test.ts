import { describe, expect, it } from 'vitest'
import { BATCH_ROWS, byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { batchMessage, schemaMessage } from '../fakes/flight-messages.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

/** A FlightData message with app_metadata (field 3) alone, and a descriptor (field 1) of a command. */
const metadataAlone = Buffer.from([0x1a, 5, ...Buffer.from('early')])
const descriptor = Buffer.from([0x0a, 5, 0x08, 2, 0x12, 1, 0x78])

describe.runIf(hasPython())('application metadata before the schema of a result', () => {
  it('is dropped, so that pyarrow and ADBC can read the rows', async () => {
    const messages = [metadataAlone, Buffer.concat([descriptor, schemaMessage]), batchMessage, batchMessage]
    const upstream = await FakeUpstream.start({ login: false, answer: byMethod({ DoGet: () => ({ messages }) }) })
    const gateway = await GatewayProcess.start({ sources: { up: { kind: 'flightsql', uri: upstream.uri } } })
    const seen = await runPython('early_metadata.py', gateway.uri)
    expect(seen).toEqual({
      pyarrow: [
        [BATCH_ROWS, null],
        [BATCH_ROWS, null],
      ],
      adbc: 2 * BATCH_ROWS,
    })
    expect(await gateway.stop()).toBe(0)
    await upstream.stop()
  })
})
