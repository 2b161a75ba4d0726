import { Int32, Table, vectorFromArray } from 'apache-arrow'
import { expect, it } from 'vitest'
import { CollectedBatch } from '../../../src/fronts/http/batch/collected-batch.ts'
import { HeldBytes } from '../../../src/fronts/http/batch/held-bytes.ts'
import type { Result } from '../../../src/query/types.ts'
import { framesOfTable } from '../../arrow/text/frames.ts'

const [schema, row] = framesOfTable(new Table({ i: vectorFromArray([1], new Int32()) }))

/** A result of batches of one row each. */
function oneRowBatches(rows: number): Result {
  const frames = (async function* () {
    for (let i = 0; i < rows; i++) yield [row!]
  })()
  return { schema: schema!, frames, stats: { rows, bytes: 0, affectedRows: -1 } }
}

it('the bound of a batch counts the memory of small pieces, not their text alone', async () => {
  const held = new HeldBytes(1 << 20)
  const batch = new CollectedBatch({ maxBytes: 1 << 20, encoder: { chunkRows: 1000 } }, held)
  await batch.result(['few'], oneRowBatches(1000))
  expect(held.bytes).toBeGreaterThan(100_000)
  await expect(batch.result(['many'], oneRowBatches(20_000))).rejects.toMatchObject({ code: 'TOO_LARGE' })
  expect(batch.rowsOf('few')?.rowCount).toBe(1000)
  batch.close()
  expect(held.bytes).toBe(0)
})
