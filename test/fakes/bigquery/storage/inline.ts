import type { PageLimits } from '../rest/pages.ts'
import type { FakeTable } from '../table.ts'
import { batchMessage, schemaMessage } from './ipc.ts'

/** A result as jobs.query answers it with `queryResultsFormat: 'ARROW'`: the first rows as one batch, base64. */
export function encodeInline(table: FakeTable, limits: PageLimits) {
  const count = Math.min(table.rows.length, limits.rows, 10_000)
  const rows = Array.from({ length: count }, (_, index) => table.rows.at(index))
  return {
    arrowSchema: { serializedSchema: schemaMessage(table.schema).toString('base64') },
    ...(count > 0 && {
      arrowRecordBatch: { serializedRecordBatch: batchMessage(rows, table.schema).toString('base64') },
    }),
    pageRowCount: String(count),
    ...(count < table.rows.length && { pageToken: Buffer.from(`row:${count}`).toString('base64url') }),
  }
}
