import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { describe, expect, it } from 'vitest'
import { encodeStatusMessage, statusTrailers } from '../../src/grpc/server/status.ts'
import { GatewayError } from '../../src/query/errors.ts'

describe('status trailers', () => {
  it('percent-encode what HTTP/2 cannot carry', () => {
    expect(encodeStatusMessage('100 % of "é"\n')).toBe('100 %25 of "%C3%A9"%0A')
    expect(decodeURIComponent(encodeStatusMessage('日本語 – 100 %'))).toBe('日本語 – 100 %')
  })

  it('cut long non-ASCII texts at a character boundary', () => {
    const encoded = encodeStatusMessage('ü'.repeat(4096))
    expect(encoded.length).toBeLessThanOrEqual(3072)
    expect(decodeURIComponent(encoded)).toMatch(/^ü+\.\.\.$/)
  })

  it('carry code, position, retry delay and request id', () => {
    const error = new GatewayError('BAD_SQL', 'no', { position: { line: 2, column: 7 }, retryAfterMs: 1500 })
    expect(statusTrailers(error, 'r1')).toMatchObject({
      'grpc-status': '3',
      'grpc-message': 'no',
      'x-flightgate-error': 'BAD_SQL',
      'x-request-id': 'r1',
      'x-flightgate-sql-position': '2:7',
      'grpc-retry-pushback-ms': '1500',
      'retry-after': '2',
    })
  })

  it('carry only the status on success', () => {
    expect(statusTrailers(undefined, 'r1')).toEqual({ 'grpc-status': '0' })
  })

  it('carry the same details in binary, bounded for long texts', () => {
    const error = new GatewayError('QUEUE_FULL', 'ü'.repeat(4096), {
      position: { line: 2, column: 7 },
      retryAfterMs: 1500,
    })
    const trailer = statusTrailers(error, 'r1')['grpc-status-details-bin']!
    expect(trailer.length).toBeLessThan(3072)
    const status = fields(Buffer.from(trailer, 'base64'))
    expect(status.get(1)).toEqual([8])
    expect(String(status.get(2)![0])).toMatch(/^ü+\.\.\.$/)
    const details = new Map(
      (status.get(3) as Buffer[]).map((any) => {
        const [[url], [value]] = [fields(any).get(1)!, fields(any).get(2)!]
        return [String(url), fields(value as Buffer)]
      }),
    )
    const info = details.get('type.googleapis.com/google.rpc.ErrorInfo')!
    expect([String(info.get(1)), String(info.get(2))]).toEqual(['QUEUE_FULL', 'flightgate'])
    expect((info.get(3) as Buffer[]).map((entry) => [...fields(entry).values()].map(String))).toEqual([
      ['line', '2'],
      ['column', '7'],
    ])
    expect(String(details.get('type.googleapis.com/google.rpc.RequestInfo')!.get(1))).toBe('r1')
    const delay = details.get('type.googleapis.com/google.rpc.RetryInfo')!.get(1)![0] as Buffer
    expect([...fields(delay).values()]).toEqual([[1], [500_000_000]])
  })
})

/** The fields of a protobuf message by number: varints as numbers, the rest as bytes. */
function fields(message: Buffer): Map<number, (number | Buffer)[]> {
  const reader = new BinaryReader(message)
  const found = new Map<number, (number | Buffer)[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const value = type === WireType.Varint ? Number(reader.int64()) : Buffer.from(reader.bytes())
    found.set(number, [...(found.get(number) ?? []), value])
  }
  return found
}
