import type { Bill } from '../../../query/billing/charge.ts'
import type { JobResource } from '../rest/api.ts'
import { wholeNumberOf } from '../rest/whole-number.ts'

/**
 * What BigQuery bills for a job; undefined while it runs, or if what it tells is no number. A failed job and an answer from the cache bill 0 bytes. A script's job
 * has the sum of its statements.
 */
export function billOf({ status, statistics, jobReference }: JobResource): Bill | undefined {
  if (status?.state !== 'DONE') return undefined
  const { query } = statistics ?? {}
  const billedBytes = wholeNumberOf(query?.totalBytesBilled ?? 0)
  if (billedBytes === undefined) return undefined
  const processedBytes = wholeNumberOf(query?.totalBytesProcessed ?? statistics?.totalBytesProcessed)
  const slotMs = wholeNumberOf(query?.totalSlotMs ?? statistics?.totalSlotMs)
  const reservation = statistics?.reservation_id ?? statistics?.reservationUsage?.[0]?.name
  return {
    billedBytes,
    ...(processedBytes !== undefined && { processedBytes }),
    ...(slotMs !== undefined && { slotMs }),
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
