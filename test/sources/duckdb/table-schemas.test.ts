import { Bool, RecordBatchReader, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encapsulate } from '../../../src/arrow/ipc/ipc.ts'
import type { Field } from '../../../src/arrow/schema.ts'
import type { TableEntry } from '../../../src/query/catalog.ts'
import { TableSchemas } from '../../../src/sources/duckdb/table-schemas.ts'

const ROWS_OF_A_BATCH = 2000
const MAX_BYTES = 1 << 20

/** Rows as `columnsSql` gives them, in batches. @param onBatch called for each batch that is pulled */
async function* catalog(tables: number, columns: number, onBatch = () => {}): AsyncGenerator<Table> {
  const rows = tables * columns
  for (let from = 0; from < rows; from += ROWS_OF_A_BATCH) {
    onBatch()
    const at = Array.from({ length: Math.min(ROWS_OF_A_BATCH, rows - from) }, (_, i) => from + i)
    const texts = (of: (i: number) => string) => vectorFromArray(at.map(of), new Utf8())
    const flags = (of: (i: number) => boolean) => vectorFromArray(at.map(of), new Bool())
    const numbers = (value: number) => vectorFromArray(Int32Array.from(at, () => value))
    yield new Table({
      schema_name: texts(() => 'main'),
      table_name: texts((i) => `t${String(Math.floor(i / columns)).padStart(6, '0')}`),
      table_type: texts(() => 'BASE TABLE'),
      column_name: texts((i) => `column_${i % columns}`),
      data_type: texts((i) => (i % 3 === 0 ? 'BIGINT' : 'VARCHAR')),
      is_nullable: flags((i) => i % 2 === 0),
      numeric_precision: numbers(64),
      numeric_scale: numbers(0),
      is_generated: flags(() => false),
    })
  }
}

const field = (type: string): Field => {
  const format = type === 'BIGINT' ? 'l' : 'u'
  return { name: '', format, nullable: true, metadata: [], children: [] }
}
const reader = () => new TableSchemas('demo', true, async (types) => types.map(field))
const bytesOf = (entries: readonly TableEntry[]) => entries.map(({ schemaMessage }) => schemaMessage!.byteLength)
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

describe('TableSchemas with many tables', () => {
  it('yields pieces of bounded size, for any number of columns', async () => {
    let tables = 0
    for await (const entries of reader().read(catalog(60, 2500))) {
      const bytes = bytesOf(entries)
      expect(sum(bytes) - bytes.at(-1)!).toBeLessThan(MAX_BYTES)
      for (const { table, schemaMessage } of entries) {
        expect(table).toBe(`t${String(tables++).padStart(6, '0')}`)
        const { fields } = RecordBatchReader.from(encapsulate(schemaMessage!)).open().schema
        expect([fields.length, fields[1]!.name, fields[2499]!.nullable]).toEqual([2500, 'column_1', false])
        expect(fields[2499]!.metadata.get('ARROW:FLIGHT:SQL:TABLE_NAME')).toBe(table)
      }
    }
    expect(tables).toBe(60)
  })

  it('does not read ahead of its consumer (backpressure)', async () => {
    let batches = 0
    const pieces = reader().read(catalog(5000, 50, () => batches++))
    const first = await pieces.next()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(first.done).toBe(false)
    // The first piece has 100 tables of 50 columns; the row that ends it is in the next batch.
    expect(batches).toBeLessThanOrEqual((100 * 50) / ROWS_OF_A_BATCH + 1)
    await pieces.return()
  })

  it('yields to the event loop', async () => {
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const all: Table[] = []
    for await (const table of catalog(1500, 50)) all.push(table)
    const before = turns
    // Batches that are available at once do not yield by themselves.
    for await (const entries of reader().read(atHand(all))) expect(entries.length).toBeGreaterThan(0)
    isOver = true
    expect(turns - before).toBeGreaterThan(2)
  })
})

async function* atHand(tables: readonly Table[]): AsyncGenerator<Table> {
  yield* tables
}
