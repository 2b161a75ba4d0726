import { BigQuery } from '@google-cloud/bigquery'
import type { Frame } from '../../src/arrow/ipc/frame.ts'
import { readPage } from '../../src/sources/bigquery/rows/page.ts'
import { RowEncoder } from '../../src/sources/bigquery/rows/row-encoder.ts'
import { largeTable } from '../../test/fakes/bigquery/large-table.ts'
import { median } from './server.ts'

const ROWS = 50_000
const BATCH = { batchRows: 65_536, batchBytes: 1 << 20 }

/** A page of rows as getQueryResults sends it. */
function page(): Buffer {
  const table = largeTable(ROWS)
  const rowAt = table.rows as (index: number) => unknown
  const rows = Array.from({ length: ROWS }, (_, index) => rowAt(index))
  return Buffer.from(JSON.stringify({ schema: { fields: table.schema }, totalRows: String(ROWS), rows }))
}

/**
 * Turns one page of 50,000 rows of five columns into record batches as the gateway does, and into objects as Google's Node client
 * does, in this process; rounds are interleaved.
 */
export async function measureRestRows(rounds: number) {
  const bytes = page()
  const { schema } = largeTable(ROWS)
  const ways: Readonly<Record<string, () => Promise<number>>> = {
    'gateway, bytes to Arrow': async () => {
      const encoder = new RowEncoder(schema, BATCH)
      const { rows } = await readPage(bytes)
      let count = 0
      const add = (frame: Frame) => {
        count += frame.rows
      }
      for await (const frames of encoder.encode(rows)) frames.forEach(add)
      return count
    },
    'JSON.parse alone': async () => JSON.parse(bytes.toString()).rows.length,
    "JSON.parse and the row parser of Google's Node client": async () => {
      const answer = JSON.parse(bytes.toString())
      return BigQuery.mergeSchemaWithRows_(answer.schema, answer.rows, { wrapIntegers: false }).length
    },
  }
  const seconds = Object.fromEntries(Object.keys(ways).map((name): [string, number[]] => [name, []]))
  for (let round = -2; round < rounds; round++)
    for (const [name, way] of Object.entries(ways)) {
      const before = performance.now()
      const rows = await way()
      if (rows !== ROWS) throw new Error(`${name} gave ${rows} rows`)
      // The first two rounds warm up.
      if (round >= 0) seconds[name]!.push((performance.now() - before) / 1000)
    }
  const of = (name: string) => median(seconds[name]!)
  const medians = Object.fromEntries(
    Object.keys(ways).map((name) => [
      name,
      {
        rowsPerSecond: Math.round(ROWS / of(name)),
        jsonMegabytesPerSecond: Math.round(bytes.byteLength / 1e6 / of(name)),
      },
    ]),
  )
  const [own, parse, library] = Object.keys(ways) as [string, string, string]
  const ratios = {
    "gateway to Google's row parser, rows/s": Number((of(library) / of(own)).toFixed(2)),
    'gateway to JSON.parse alone, rows/s': Number((of(parse) / of(own)).toFixed(2)),
  }
  return { rounds, rows: ROWS, medians, ratios }
}
