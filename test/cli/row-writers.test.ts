import { Int32, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { expect, it } from 'vitest'
import { TableWriter } from '../../src/cli/query/row-writers.ts'
import { framesOfTable } from '../arrow/text/frames.ts'

it('a table shows rows before, with and after long values', async () => {
  const long = 'say "a, b"\n'.repeat(200_000)
  const [schema, batch] = framesOfTable(
    new Table({
      i: vectorFromArray([1, 2, 3], new Int32()),
      text: vectorFromArray(['first', long, 'last'], new Utf8()),
    }),
  )
  const writer = new TableWriter(10, 40)
  writer.begin(schema!)
  for await (const _ of writer.batch(batch!)) {
    // A table is written at the end.
  }
  const lines = Buffer.from(writer.end()).toString().trimEnd().split('\n')
  expect(lines.slice(2)).toEqual([
    expect.stringMatching(/^1 +first$/),
    expect.stringMatching(/^2 +say "a, b" say .*…$/),
    expect.stringMatching(/^3 +last$/),
    '3 rows',
  ])
})
