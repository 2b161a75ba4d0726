import { describe, expect, it } from 'vitest'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { splitBatch } from '../../src/arrow/batches/split.ts'
import type { Field } from '../../src/arrow/schema.ts'

const ROWS = 500_000
const VIEW_BYTES = 16
const TEXT_BYTES = 20
const column: Field = { name: 'v', format: 'vz', nullable: true, metadata: [], children: [] }
const root: Field = { name: '', format: '+s', nullable: false, metadata: [], children: [column] }

describe('splitBatch', () => {
  it('yields to the event loop, and gives pieces of a few MiB whatever the limit', async () => {
    const body = Buffer.alloc((VIEW_BYTES + TEXT_BYTES) * ROWS)
    for (let row = 0; row < ROWS; row++) {
      body.writeInt32LE(TEXT_BYTES, VIEW_BYTES * row)
      body.writeInt32LE(TEXT_BYTES * row, VIEW_BYTES * row + 12)
    }
    const views = VIEW_BYTES * ROWS
    const header = encodeRecordBatch({
      rows: ROWS,
      nodes: [ROWS, 0],
      buffers: [0, 0, 0, views, views, TEXT_BYTES * ROWS],
      variadicCounts: [1],
      bodyLength: body.byteLength,
    })
    let turns = 0
    let over = false
    const count = () => {
      turns++
      if (!over) setImmediate(count)
    }
    setImmediate(count)
    const pieces: { rows: number; bytes: number }[] = []
    for await (const { rows, body: cut } of splitBatch(root, header, body, 16 << 20))
      pieces.push({ rows, bytes: cut.byteLength })
    over = true
    expect(pieces.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS)
    expect(Math.max(...pieces.map(({ bytes }) => bytes))).toBeLessThanOrEqual(4 << 20)
    expect(turns).toBeGreaterThan(3)
  })
})
