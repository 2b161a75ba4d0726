import { Binary, Table, vectorFromArray } from 'apache-arrow'
import { expect, it } from 'vitest'
import { rowValues } from '../../../src/sources/flightsql/results/read-table.ts'

it('row of texts, numbers, bytes and nulls: its values', () => {
  const schema = vectorFromArray([new Uint8Array([1, 2])], new Binary())
  const table = new Table({
    name: vectorFromArray(['a']),
    sequence: vectorFromArray([7]),
    schema,
    none: vectorFromArray([null]),
  })
  expect(rowValues(table.get(0)!)).toEqual({ name: 'a', sequence: 7, schema: new Uint8Array([1, 2]), none: null })
})

it('row that the Arrow library cannot read, or with a column of lists: DATA_LOSS', () => {
  const unreadable = {
    toJSON: () => {
      throw new Error('variadic buffer 3 is missing')
    },
  }
  const lists = { toJSON: () => ({ name: vectorFromArray([1, 2]) }) }
  for (const row of [unreadable, lists])
    expect(() => rowValues(row)).toThrow(expect.objectContaining({ name: 'GrpcFailure', status: 'DATA_LOSS' }))
})
