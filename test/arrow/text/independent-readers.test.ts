import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRowEncoder, type RowEncoderOptions } from '../../../src/arrow/text/row-encoder.ts'
import { hasPython, runPython } from '../../e2e/python.ts'
import { framesOfStream } from './frames.ts'

const VALUES = 80_000

const variants: readonly (readonly [string, 'json' | 'ndjson' | 'csv', Partial<RowEncoderOptions>])[] = [
  ['objects.ndjson', 'ndjson', {}],
  ['arrays.ndjson', 'ndjson', { rowFormat: 'arrays' }],
  ['text.ndjson', 'ndjson', { numbers: 'text' }],
  ['json', 'json', {}],
  ['csv', 'csv', {}],
]

describe.runIf(hasPython())('text of every Arrow type', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-text-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  beforeAll(async () => {
    await runPython('text_matrix.py', 'write', folder)
    for (const file of readdirSync(folder)) {
      const [schema, ...frames] = framesOfStream(readFileSync(join(folder, file)))
      for (const [suffix, format, options] of variants) {
        const encoder = createRowEncoder(format, schema!, { chunkRows: 64, ...options })
        const pieces = [encoder.begin()]
        for (const frame of frames) for await (const { bytes } of encoder.batch(frame)) pieces.push(bytes)
        writeFileSync(join(folder, file.replace('arrows', suffix)), Buffer.concat([...pieces, encoder.end()]))
      }
    }
  }, 120_000)

  it("is read as the same values by Python's json and csv", async () => {
    expect(await runPython<number>('text_matrix.py', 'verify', folder)).toBeGreaterThan(VALUES)
  }, 120_000)

  it('is read as the same values by DuckDB and pyarrow, in CSV with nulls beside empty texts', async () => {
    expect(await runPython<number>('text_matrix.py', 'typed', folder)).toBe(5)
  }, 120_000)
})
