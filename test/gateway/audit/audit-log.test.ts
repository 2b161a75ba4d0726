import { expect, it } from 'vitest'
import { AuditLog } from '../../../src/gateway/audit/audit-log.ts'
import type { AuditMetrics } from '../../../src/ops/metrics/audit-metrics.ts'
import type { EndedStatement } from '../../../src/query/audit/audit-trail.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Context } from '../../../src/query/types.ts'

it('a statement for a source that a reload has removed has a line without tables, and the process goes on', async () => {
  const lines: string[] = []
  const log = new AuditLog({
    settings: { statements: 'hash', onError: 'continue' },
    sink: { failure: undefined, maxLineBytes: 4096, write: (line) => lines.push(line) },
    tablesOf() {
      throw new GatewayError('UNKNOWN_SOURCE')
    },
    metrics: { onLine() {}, onLost() {}, onRefused() {} } as unknown as AuditMetrics,
    base: {},
  })
  const ctx = { requestId: 'r', principal: { name: 'ann', roles: [], grants: [] } } as unknown as Context
  const ended = { ctx, source: 'gone', sql: 'SELECT 1', kind: 'read', step: 'run', rows: 0, bytes: 0, totalMs: 1 }
  log.statementEnded({ ...ended, failure: new GatewayError('UNKNOWN_SOURCE') } as EndedStatement)
  await log.settle()
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ outcome: 'UNKNOWN_SOURCE', tablesRead: null }])
})
