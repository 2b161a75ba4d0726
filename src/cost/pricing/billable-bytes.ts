import type { BilledPart } from '../../query/estimate.ts'

/** Least that a statement bills for each distinct table, in bytes. */
const MIN_BYTES_PER_TABLE = 10 * 2 ** 20

const MIB = 2 ** 20

/**
 * Bytes that BigQuery bills on demand for statements: for each one its bytes rounded up to whole MiB, and at least 10 MiB for each
 * distinct table. A statement that processes nothing bills nothing. undefined if the bytes of a part are not known.
 *
 * Google documents "rounded up to the nearest MB, with a minimum 10 MB data processed per table referenced by the query"; recorded
 * answers show that MB means MiB and that a table counts once however often a statement names it.
 */
export function billableBytes(parts: readonly BilledPart[]): number | undefined {
  return sumOf(parts, (processed, tables) => Math.max(tables * MIN_BYTES_PER_TABLE, wholeMib(processed)))
}

/**
 * Most bytes that BigQuery may bill for statements of these figures. Google does not say whether the minimum of a small table is
 * added to the bytes of a large one; this adds it. A reservation of this size leaves room for such a bill. For small tables it is
 * what `billableBytes` says.
 */
export function mostBillableBytes(parts: readonly BilledPart[]): number | undefined {
  return sumOf(
    parts,
    (processed, tables) => Math.max(MIN_BYTES_PER_TABLE, wholeMib(processed)) + (tables - 1) * MIN_BYTES_PER_TABLE,
  )
}

/**
 * Most bytes that BigQuery bills for statements whose bytes are not sure, unless its figures leave something out: each statement of a
 * script reads each of its tables, and a statement that is told to read nothing bills the minimum. undefined if the figures do not
 * tell that.
 */
export function likelyBytes(parts: readonly BilledPart[]): number | undefined {
  let sum = 0
  for (const { processedBytes = 0, tables, isSilent, statements } of parts) {
    if (tables === undefined || !(isSilent || (processedBytes > 0 && statements))) return
    sum += wholeMib(processedBytes) + (statements ?? 1) * (MIB + Math.max(1, tables) * MIN_BYTES_PER_TABLE)
  }
  return sum
}

function sumOf(
  parts: readonly BilledPart[],
  billed: (processed: number, tables: number) => number,
): number | undefined {
  let sum = 0
  for (const { processedBytes, tables } of parts) {
    if (processedBytes === undefined) return
    // What processes bytes reads at least one table.
    if (processedBytes > 0) sum += billed(processedBytes, Math.max(1, tables ?? 1))
  }
  return sum
}

const wholeMib = (bytes: number) => Math.ceil(bytes / MIB) * MIB
