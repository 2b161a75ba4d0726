import { describe, expect, it } from 'vitest'
import { ExecuteBatchResponse, ExecuteResponse } from '../../../gen/flightgate/v1/gateway_service.ts'
import { encodeRecordBatch } from '../../../src/arrow/batches/batch.ts'
import { encapsulateFrame } from '../../../src/arrow/ipc/encapsulated-frame.ts'
import { type Frame, frameOf } from '../../../src/arrow/ipc/frame.ts'
import { batchParts, executeParts } from '../../../src/fronts/gateway/messages/part-frames.ts'
import { schemaOf } from '../../fakes/flight-messages.ts'

const body = Buffer.alloc(200_000, 5)
const header = encodeRecordBatch({ rows: 25_000, nodes: [25_000, 0], buffers: [0, 0, 0, 200_000], bodyLength: 200_000 })
let released = 0
const schema = frameOf(schemaOf(['i', 'l']), Buffer.alloc(0), 0)
const batch = frameOf(header, body, 25_000, () => released++)
const joined = ({ chunks }: Pick<Frame, 'chunks'>) => Buffer.concat(chunks)
const message = (frame: Frame) => joined(encapsulateFrame(frame)!)

describe('parts of a result', () => {
  it('are ExecuteResponse messages with the encapsulated message in the field of its kind', () => {
    expect(ExecuteResponse.decode(joined(executeParts.partOf(schema)!)).part).toEqual({
      $case: 'schema',
      value: message(schema),
    })
    const part = executeParts.partOf(batch)!
    expect(ExecuteResponse.decode(joined(part)).part).toEqual({ $case: 'recordBatch', value: message(batch) })
    expect([part.byteLength, part.rows, part.chunks.at(-1)]).toEqual([joined(part).byteLength, 25_000, body])
    part.release!()
    expect(released).toBe(1)
  })

  it('of a batch carry the id of the statement', () => {
    const { id, part } = ExecuteBatchResponse.decode(joined(batchParts('größe').partOf(batch)!))
    expect(id).toBe('größe')
    expect(part).toEqual({ $case: 'recordBatch', value: message(batch) })
  })

  it.each([
    ['Execute', executeParts],
    ['ExecuteBatch', batchParts('x'.repeat(300))],
  ])('of %s add no more than announced to a frame', (_name, parts) => {
    const empty = frameOf(Buffer.concat([header, Buffer.alloc(1)]), body, 1)
    for (const frame of [schema, batch, empty])
      expect(parts.partOf(frame)!.byteLength - frame.byteLength).toBeLessThanOrEqual(parts.overheadBytes)
  })

  it('a header that is no Arrow message: UPSTREAM_DATA', () => {
    expect(() => executeParts.partOf(frameOf(Buffer.alloc(3), body, 1))).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_DATA' }),
    )
  })
})
