import type { TableDeclaration } from './table.ts'

/** Rows after which the large table repeats: 4 batches of the Storage API, encoded once. */
const period = 80_000

/**
 * `bench.large`: about 52 bytes a row as Arrow, so a batch of 20,000 rows is 1 MiB; benchmarks read it without the stand-in making rows.
 * @param numRows a multiple of 80,000 for streams that begin at prepared batches
 */
export function largeTable(numRows: number, project?: string): TableDeclaration {
  return {
    ...(project !== undefined && { project }),
    dataset: 'bench',
    name: 'large',
    schema: [
      { name: 'id', type: 'INTEGER' },
      { name: 'quantity', type: 'INTEGER' },
      { name: 'price', type: 'FLOAT' },
      { name: 'sold_at', type: 'TIMESTAMP' },
      { name: 'comment', type: 'STRING' },
    ],
    numRows,
    repeatsAfter: period,
    rows: (index) => {
      const row = index % period
      return {
        f: [
          { v: String(row) },
          { v: String(row % 50) },
          { v: String(row * 1.5) },
          { v: String(1_700_000_000_000_000 + row * 1000) },
          { v: `comment ${String(row).padStart(8, '0')}` },
        ],
      }
    },
  }
}
