import { describe, expect, it } from 'vitest'
import { FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema } from '../../src/arrow/schema.ts'
import { ScriptedServer } from '../fakes/scripted-server.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const none = new Uint8Array(0)
const ROWS = 10
const children = [{ name: 'i', format: 'l', nullable: true, metadata: [], children: [] }]
const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children })
const layout = { rows: ROWS, nodes: [ROWS, 0], buffers: [0, 0, 0, 8 * ROWS], bodyLength: 8 * ROWS }
const message = (header: Uint8Array, body: Uint8Array) => Buffer.concat(frameOf(header, body, 0).chunks)
const batch = message(encodeRecordBatch(layout), new Uint8Array(8 * ROWS))
/** A FlightData message with app_metadata (field 3) alone, and a descriptor (field 1) of a command. */
const metadataAlone = Buffer.from([0x1a, 5, ...Buffer.from('early')])
const descriptor = Buffer.from([0x0a, 5, 0x08, 2, 0x12, 1, 0x78])
const endpoint = { ticket: { ticket: none }, location: [], expirationTime: undefined, appMetadata: none }
const info = { flightDescriptor: undefined, totalRecords: -1n, totalBytes: -1n, ordered: false, appMetadata: none }

describe.runIf(hasPython())('application metadata before the schema of a result', () => {
  it('is left out, so that pyarrow and ADBC read the rows', async () => {
    const upstream = await ScriptedServer.start({
      GetFlightInfo: () => ({
        messages: [FlightInfo.encode({ ...info, schema: encapsulate(schema), endpoint: [endpoint] }).finish()],
      }),
      DoGet: () => ({
        messages: [metadataAlone, Buffer.concat([descriptor, message(schema, none)]), batch, batch],
      }),
    })
    const gateway = await GatewayProcess.start({ sources: { up: { kind: 'flightsql', uri: upstream.uri } } })
    const seen = await runPython('early_metadata.py', gateway.uri)
    expect(seen).toEqual({
      pyarrow: [
        [ROWS, null],
        [ROWS, null],
      ],
      adbc: 2 * ROWS,
    })
    expect(await gateway.stop()).toBe(0)
    await upstream.stop()
  })
})
