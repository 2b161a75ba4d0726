import type { Bill } from '../../../query/billing/charge.ts'
import type { JobResource } from '../rest/api.ts'

/**
 * What BigQuery bills for a job; undefined while it runs. A failed job and an answer from the cache bill 0 bytes. A script's job
 * has the sum of its statements.
 */
export function billOf({ status, statistics, jobReference }: JobResource): Bill | undefined {
  if (status?.state !== 'DONE') return undefined
  const { query } = statistics ?? {}
  const processed = query?.totalBytesProcessed ?? statistics?.totalBytesProcessed
  const slotMs = query?.totalSlotMs ?? statistics?.totalSlotMs
  const reservation = statistics?.reservation_id ?? statistics?.reservationUsage?.[0]?.name
  return {
    billedBytes: Number(query?.totalBytesBilled ?? 0),
    ...(processed !== undefined && { processedBytes: Number(processed) }),
    ...(slotMs !== undefined && { slotMs: Number(slotMs) }),
    ...(query?.cacheHit !== undefined && { cacheHit: query.cacheHit }),
    ...(reservation !== undefined && reservation !== 'unreserved' && { reservation }),
    ...(jobReference?.location !== undefined && { location: jobReference.location }),
  }
}

/** The bill of several jobs of one statement. */
export function sumOf(bills: readonly Bill[]): Bill {
  const sum = (of: (bill: Bill) => number | undefined) => bills.reduce((total, bill) => total + (of(bill) ?? 0), 0)
  const { reservation, location } = bills[0] ?? {}
  return {
    billedBytes: sum(({ billedBytes }) => billedBytes),
    processedBytes: sum(({ processedBytes }) => processedBytes),
    slotMs: sum(({ slotMs }) => slotMs),
    cacheHit: bills.length > 0 && bills.every(({ cacheHit }) => cacheHit === true),
    ...(reservation !== undefined && { reservation }),
    ...(location !== undefined && { location }),
  }
}
