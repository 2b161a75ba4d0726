import { expect, it } from 'vitest'
import { QueryPage } from '../../../src/sources/bigquery/rest/query-page.ts'

const collected = async (page: QueryPage) => {
  const slices: (readonly unknown[])[] = []
  for await (const rows of page.rows()) slices.push(rows)
  return slices
}

it('an answer keeps its rows as bytes until they are read, and reads them slice by slice', async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({
    f: [{ v: `${i} "]},{[\\" €` }, { v: null }, { v: [{ v: '1' }] }],
  }))
  const answer = {
    kind: 'x',
    schema: { fields: [{ name: 'rows', type: 'STRING' }] },
    rows,
    jobComplete: true,
    pageToken: 'p',
  }
  const page = await QueryPage.of(Buffer.from(JSON.stringify(answer)))
  expect(page.head).toEqual({ ...answer, rows: [] })
  const slices = await collected(page)
  expect(slices.length).toBeGreaterThan(5)
  expect(slices.flat()).toEqual(rows)
})

it.each([
  ['no rows', { jobComplete: false }, []],
  ['an empty list of rows', { rows: [], totalRows: '0' }, []],
  ['rows in another member', { statistics: { rows: [1] }, rows: [{ f: [] }] }, [{ f: [] }]],
])('an answer with %s', async (_, answer, rows) => {
  for (const text of [JSON.stringify(answer), JSON.stringify(answer, undefined, 2)])
    expect((await collected(await QueryPage.of(Buffer.from(text)))).flat()).toEqual(rows)
})

it.each(['{"rows":[{"f":[]}', '<html>', '{"rows":[{"f":[]}]', '{"a":"'])(
  'an answer that is not JSON fails: %s',
  async (text) => {
    await expect(QueryPage.of(Buffer.from(text))).rejects.toThrow(/not JSON|cut off/)
  },
)
