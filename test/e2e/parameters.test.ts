import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

interface Refusal {
  readonly status: string
  readonly text: string
  readonly left: number
}

describe.runIf(hasPython())('parameters and ingested rows', () => {
  let gateway: GatewayProcess
  let seen: Record<string, unknown>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'writer', key: 'w', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    seen = await runPython('parameters.py', gateway.uri, 'writer', 'w')
  })
  afterAll(async () => {
    // The gateway ends what the client left open once it sees that the connection is closed.
    for (const name of ['flightgate_transactions_open', 'flightgate_statements_in_flight'])
      await waitFor(async () => (await gateway.metric(name)) === 0, `${name} to be 0`)
    expect(await gateway.stop()).toBe(0)
  })

  it('value out of DuckDB’s range: client gets an error with the row, nothing is stored', () => {
    const refused = Object.entries(seen['refused'] as Record<string, Refusal>)
    expect(refused).toHaveLength(23 * 4)
    for (const [name, { status, text, left }] of refused) {
      const row = name.endsWith('insert_one') ? 1 : 2
      expect([name, status, left], text).toEqual([name, 'INVALID_ARGUMENT', 0])
      expect(text, name).toContain(`row ${row}, column 1 ("1")`)
    }
  })

  it('decimals without a DuckDB type are refused', () => {
    const refused = Object.entries(seen['unheld_decimals'] as Record<string, Refusal>)
    expect(refused).toHaveLength(6 * 5 * 4)
    for (const [name, { status, text, left }] of refused) {
      expect(status, `${name}: ${text}`).toMatch(/^(INVALID_ARGUMENT|NOT_IMPLEMENTED)$/)
      expect([name, left]).toEqual([name, 0])
    }
  })

  it('lists of dictionary-encoded values are accepted, and refused where DuckDB would misread them', () => {
    const found = seen['dictionaries_in_lists'] as Record<string, unknown>
    for (const name of ['list', 'uneven', 'pair', 'structs', 'null indices', 'too many'])
      expect([name, found[`${name}, insert`]]).toEqual([name, true])
    for (const name of ['list', 'uneven', 'structs']) expect([name, found[`${name}, ingest`]]).toEqual([name, true])
    for (const name of ['pair', 'null indices', 'too many'])
      expect(found[`${name}, ingest`]).toMatchObject({
        status: 'INVALID_ARGUMENT',
        text: expect.stringContaining('dictionary'),
      })
  })

  it('nanoseconds are rounded toward minus infinity, on every path', () => {
    const rounded = seen['rounding'] as Record<string, Record<string, string[]>>
    const expected: Record<string, string[]> = {
      nanoseconds: ['1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999', '1970-01-01 00:00:00.000001'],
      'zoned nanoseconds': [
        '1969-12-31 23:59:59.999999+00',
        '1969-12-31 23:59:59.999999+00',
        '1970-01-01 00:00:00.000001+00',
      ],
      'least zoned nanoseconds': ['1970-01-01 00:00:00+00', '1970-01-01 00:00:00+00', '1677-09-21 00:12:43.145224+00'],
      'days in milliseconds': ['1969-12-31', '1969-12-31', '1970-01-02'],
      'duration in nanoseconds': ['-00:00:00.000001', '-00:00:00.000001', '00:00:00.000001'],
      interval: ['1 month -1 day -00:00:00.000001', '-00:00:00.000001', '00:00:00.000001'],
      time: ['00:00:00.000001', '00:00:00', '23:59:59.999999'],
      list: ['[]', "['1969-12-31 23:59:59.999999+00']", "['1970-01-01 00:00:00.000001+00']"],
    }
    for (const [name, values] of Object.entries(expected)) {
      const { insert, insert_singly: insertSingly, insert_one: insertOne, ingest } = rounded[name]!
      expect([name, insert, insertOne, ingest]).toEqual([name, values, values.slice(-1), values])
      // A parameter in an expression keeps its nanoseconds, and DuckDB's cast of the expression rounds them.
      if (name !== 'nanoseconds' && name !== 'time') expect([name, insertSingly]).toEqual([name, values])
    }
  })

  it('bytes under a null, or that no row refers to, are ignored', () => {
    for (const [name, found] of Object.entries(seen['under_nulls'] as Record<string, unknown>))
      expect([name, found]).toEqual([name, name.endsWith('insert_one') ? [[true]] : [[false], [true]]])
    for (const [name, found] of Object.entries(seen['unused_values'] as Record<string, [[string]]>))
      expect([name, found[0]?.[0]]).toEqual([name, expect.stringContaining('1970-01-01 00:00:05')])
  })

  it('DuckDB’s infinity values stay infinite, in every unit', () => {
    for (const [name, found] of Object.entries(seen['infinity'] as Record<string, unknown>))
      expect([name, found]).toEqual([name, name.endsWith('insert_one') ? ['infinity'] : ['-infinity', 'infinity']])
  })

  it('a batch gives the same as single rows, for any type and column', () => {
    const found = Object.entries(seen['as_row_by_row'] as Record<string, unknown>)
    expect(found).toHaveLength(52 * 2)
    expect(found.filter(([, same]) => same !== 'same')).toEqual([])
  })

  it('half floats are accepted', () => {
    expect(seen['half_floats']).toEqual([
      ['FLOAT', '0.0'],
      ['FLOAT', null],
      ['FLOAT', '1.5'],
    ])
  })

  it('a batch fills defaults, checks constraints in order, and reports affected rows', () => {
    expect(seen['defaults_and_numbers']).toEqual([300_000, 0])
    expect(seen['constraints']).toEqual([
      { null: 'INVALID_ARGUMENT', twice: 'INVALID_ARGUMENT', check: 'INVALID_ARGUMENT', cast: 'INVALID_ARGUMENT' },
      0,
    ])
    const [counts, rows] = seen['counts'] as [Record<string, number>, unknown]
    expect(Object.values(counts)).toEqual([3, 0, 3, 4, 3])
    expect(rows).toEqual([
      [1, 'new'],
      [2, 'new'],
      [3, 'new'],
      [11, 'a'],
      [12, null],
      [13, 'c'],
    ])
  })

  it('client transaction: a batch is atomic', () => {
    const found = seen['in_transactions'] as unknown[]
    expect([...found.slice(0, 5), found.at(-1)]).toEqual([
      'INVALID_ARGUMENT',
      2,
      'INVALID_ARGUMENT',
      4,
      'INVALID_ARGUMENT',
      4,
    ])
  })

  it('client cancels a batch: it stops and changes nothing', () => {
    expect(seen['cancelled']).toEqual(['TIMEOUT', 0])
  })

  it('200,000 rows are inserted in bulk within a minute', () => {
    const { rows, seconds, sums } = seen['many'] as { rows: number; seconds: number; sums: unknown }
    expect(rows).toBe(200_000)
    expect(sums).toEqual([200_000, 19_999_900_000, 200_000, 19_999_900_000, 199_999, 100_000])
    expect(seconds).toBeLessThan(60)
  })
})
