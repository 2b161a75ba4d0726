import { describe, expect, it } from 'vitest'
import { FlightDescriptor } from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandGetSqlInfo } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { ExecuteBatchRequest } from '../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../src/grpc/server/decode.ts'

/** A field of bytes. */
const fieldOf = (tag: number, bytes: Uint8Array) => {
  const length: number[] = []
  let rest = bytes.byteLength
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([tag, ...length, rest]), bytes])
}
const pairs = (count: number, tag: number) => Buffer.alloc(2 * count, Buffer.from([tag, 0]))
const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' })

describe('the fields of a message', () => {
  it.each([
    ['empty statements', ExecuteBatchRequest, pairs(8 << 20, 0x0a)],
    ['unknown fields', ExecuteBatchRequest, pairs(8 << 20, 0x78)],
    ['empty texts', FlightDescriptor, pairs(8 << 20, 0x1a)],
    ['packed numbers', CommandGetSqlInfo, fieldOf(0x0a, Buffer.alloc(16 << 20, 1))],
  ] as const)('millions of %s are refused before they take memory', (_, codec, bytes) => {
    const before = process.memoryUsage().heapUsed
    expect(() => decodeMessage<unknown>(codec, bytes)).toThrow(tooLarge)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 << 20)
  })

  it('as many as requests have are decoded', () => {
    const { statements } = decodeMessage(ExecuteBatchRequest, pairs(40_000, 0x0a))
    expect(statements).toHaveLength(40_000)
    const { info } = decodeMessage(CommandGetSqlInfo, fieldOf(0x0a, Buffer.alloc(90_000, 1)))
    expect(info).toHaveLength(90_000)
    const [path] = decodeMessage(FlightDescriptor, fieldOf(0x1a, Buffer.alloc(15 << 20, 'a'))).path
    expect(path).toHaveLength(15 << 20)
  })
})
