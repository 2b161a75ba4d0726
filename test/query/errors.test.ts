import { describe, expect, it } from 'vitest'
import { type ErrorCode, errorTable, GatewayError, GrpcStatus } from '../../src/query/errors.ts'

const retryable = [
  'CONFLICT',
  'TOO_MANY_SESSIONS',
  'TOO_MANY_TRANSACTIONS',
  'QUEUE_FULL',
  'QUEUE_TIMEOUT',
  'SLOT_LOST',
  'FELL_BEHIND',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'BODY_TIMEOUT',
  'DEADLINE',
  'DRAINING',
  'SOURCE_DRAINING',
  'AUDIT_UNAVAILABLE',
  'ISSUER_UNAVAILABLE',
  'STATE_UNAVAILABLE',
  'CACHE_LOST',
  'REPLICA_UNAVAILABLE',
  'SOURCE_UNAVAILABLE',
  'UPSTREAM_BUSY',
  'UPSTREAM_EXHAUSTED',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_CANCELLED',
  'UPSTREAM_DATA',
]

describe('the error table', () => {
  const rows = Object.entries(errorTable) as [ErrorCode, (typeof errorTable)[ErrorCode]][]

  it('maps every code to a gRPC status and an HTTP status', () => {
    for (const [, row] of rows) {
      expect(GrpcStatus[row.grpc]).toBeGreaterThan(0)
      expect(row.http).toBeGreaterThanOrEqual(400)
      expect(row.http).toBeLessThan(600)
    }
  })

  it('gives every code one sentence for the client', () => {
    for (const [, row] of rows) expect(row.message).toMatch(/^[A-Z].*\.$/)
  })

  it.each(rows)('%s is retryable exactly when repeating it unchanged may help', (code, row) => {
    expect(row.retryable).toBe(retryable.includes(code))
  })

  it.each(rows)(
    '%s is an outage exactly when a source failed, and a fault when something does not work',
    (code, row) => {
      expect(row.outage ?? false).toBe(code === 'SOURCE_UNAVAILABLE' || code.startsWith('UPSTREAM_'))
      expect(row.fault ?? false).toBe(['INTERNAL', 'DATA_LOSS', 'UNKNOWN'].includes(row.grpc))
    },
  )

  it('an unknown error becomes INTERNAL without its message', () => {
    const error = GatewayError.from(new Error('password=hunter2 at /etc/secret'))
    expect(error.code).toBe('INTERNAL')
    expect(error.message).not.toMatch(/hunter2|secret/)
    expect((error.cause as Error).message).toContain('hunter2')
  })
})
