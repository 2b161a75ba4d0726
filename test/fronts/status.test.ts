import { describe, expect, it } from 'vitest'
import { encodeStatusMessage, statusTrailers } from '../../src/fronts/status.ts'
import { GatewayError } from '../../src/query/errors.ts'

describe('status trailers', () => {
  it('percent-encode what HTTP/2 cannot carry', () => {
    expect(encodeStatusMessage('100 % of "é"\n')).toBe('100 %25 of "%C3%A9"%0A')
    expect(decodeURIComponent(encodeStatusMessage('日本語 – 100 %'))).toBe('日本語 – 100 %')
  })

  it('stay small and whole with long non-ASCII texts', () => {
    const encoded = encodeStatusMessage('ü'.repeat(4096))
    expect(encoded.length).toBeLessThanOrEqual(3072)
    expect(decodeURIComponent(encoded)).toMatch(/^ü+\.\.\.$/)
  })

  it('tell code, position, retry and request id', () => {
    const error = new GatewayError('BAD_SQL', 'no', { position: { line: 2, column: 7 }, retryAfterMs: 1500 })
    expect(statusTrailers(error, 'r1')).toEqual({
      'grpc-status': '3',
      'grpc-message': 'no',
      'x-flightgate-error': 'BAD_SQL',
      'x-request-id': 'r1',
      'x-flightgate-sql-position': '2:7',
      'grpc-retry-pushback-ms': '1500',
      'retry-after': '2',
    })
  })

  it('are one status when all went well', () => {
    expect(statusTrailers(undefined, 'r1')).toEqual({ 'grpc-status': '0' })
  })
})
