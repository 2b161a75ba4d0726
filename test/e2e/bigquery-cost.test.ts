import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { runFlightgate } from '../cli/run-flightgate.ts'
import type { BigQueryFake } from '../fakes/bigquery/fake.ts'
import { waitFor } from '../wait-for.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'
import { type CallEnd, commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayStub, sql } from './gateway-stub.ts'
import { hasPython, runPython } from './python.ts'

type Headers = Readonly<Record<string, string>>
const MIB = 2 ** 20
const GIB = 2 ** 30
const cwd = fileURLToPath(new URL('../..', import.meta.url))

/** A table of one row, whose columns count as so many bytes. */
const table = (name: string, idBytes: number, noteBytes: number) => ({
  dataset: 'sales',
  name,
  location: 'europe-west3',
  schema: [
    { name: 'id', type: 'INTEGER' },
    { name: 'note', type: 'STRING' },
  ],
  rows: [{ f: [{ v: '1' }, { v: 'a' }] }],
  columnBytes: { id: idBytes, note: noteBytes },
})
/** 100 GiB at 8.125 dollars per TiB, rounded up to the billionth. */
const dear = { bytes: 100 * GIB, usd: 0.793457032 }

describe('what a statement costs at BigQuery', () => {
  let warehouse: Warehouse
  let fake: BigQueryFake
  let flight: FlightStub
  let service: GatewayStub

  beforeAll(async () => {
    warehouse = await startWarehouse({
      tables: [table('small', 8, 3), table('large', 25 * GIB, 75 * GIB)],
      sources: { warehouse: { writes: true } },
      config: { defaultSource: 'warehouse' },
    })
    fake = warehouse.fake
    flight = new FlightStub(warehouse.gateway.flight)
    service = new GatewayStub(warehouse.gateway.flight)
  })
  afterAll(async () => {
    flight.close()
    service.close()
    expect(await warehouse.stop()).toBe(0)
  })

  const runs = () =>
    fake.requests.filter(({ method, body }) => /^jobs\.(insert|query)$/.test(method) && !isDryRun(body))
  const costsOf = (metadata: CallEnd['headers']) =>
    Object.fromEntries(
      Object.entries(metadata?.getMap() ?? {}).filter(([name]) => /^x-flightgate-(est|acc|bill|cost)/.test(name)),
    )
  const infoFor = (text: string, headers: Headers = {}) => flight.call('GetFlightInfo', [commandOf(text)], headers)
  const estimateOf = async (query: string, more: object = {}) => {
    const answer = await fetch(`http://${warehouse.gateway.http}/api/v1/estimate-cost`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, ...more }),
    })
    expect(answer.status).toBe(200)
    return await answer.json()
  }

  it('HTTP: bytes, billable bytes and the price of the region, with its day', async () => {
    expect(await estimateOf('SELECT * FROM sales.large')).toMatchObject({
      data_source: 'warehouse',
      bytes: dear.bytes,
      billable_bytes: dear.bytes,
      cost_usd: dear.usd,
      accuracy: 'exact',
      statement_type: 'SELECT',
      price: {
        model: 'on_demand',
        region: 'europe-west3',
        usd_per_tib: 8.125,
        checked_on: '2026-07-25',
        is_assumed: false,
      },
      referenced_tables: ['test-project.sales.large'],
      refusal: null,
      columns: [
        { name: 'id', type: 'int64' },
        { name: 'note', type: 'string' },
      ],
    })
  })

  it('10 MiB for each distinct table at least', async () => {
    expect(await estimateOf('SELECT id FROM sales.small')).toMatchObject({ bytes: 8, billable_bytes: 10 * MIB })
    expect(await estimateOf('SELECT a.id FROM sales.small a JOIN sales.small b ON a.id = b.id')).toMatchObject({
      billable_bytes: 10 * MIB,
    })
  })

  it('Gateway service: the total of a batch adds up bytes and money', async () => {
    const { total, results } = await service.unary('batchEstimateCost', {
      statements: [sql('SELECT * FROM sales.large'), sql('SELECT id FROM sales.small')],
    })
    expect(results.map(({ outcome }) => outcome?.$case)).toEqual(['estimate', 'estimate'])
    expect(total).toMatchObject({ billableBytes: BigInt(dear.bytes + 10 * MIB), price: { region: 'europe-west3' } })
    expect(total!.costUsd).toBeCloseTo(dear.usd + (8.125 * 10) / 2 ** 20, 8)
  })

  it('Flight: the figures come with GetFlightInfo, the bill with the end of DoGet, both unasked', async () => {
    const info = await infoFor('SELECT id FROM sales.small')
    const small = { 'x-flightgate-estimated-bytes': '10485760', 'x-flightgate-estimated-cost-usd': '0.000077487' }
    expect(costsOf(info.headers)).toEqual({ ...small, 'x-flightgate-accuracy': 'exact' })
    const result = await flight.call('DoGet', [ticketOf(FlightInfo.decode(info.messages[0]!))])
    expect(result.details).toBe('')
    expect(costsOf(result.trailers)).toEqual({
      'x-flightgate-billed-bytes': '10485760',
      'x-flightgate-cost-usd': '0.000077487',
    })
  })

  it('Flight, only the estimate: nothing runs, also no change', async () => {
    const before = runs().length
    for (const text of ['SELECT * FROM sales.large', 'DELETE FROM sales.large WHERE id = 1']) {
      const { messages, details } = await infoFor(text, { 'x-flightgate-estimate': 'only' })
      expect(details).toBe('')
      const info = FlightInfo.decode(messages[0]!)
      expect(info.endpoint).toEqual([])
      expect(JSON.parse(Buffer.from(info.appMetadata).toString()).estimate).toMatchObject({
        data_source: 'warehouse',
        billable_bytes: expect.any(Number),
        price: { region: 'europe-west3' },
      })
    }
    expect(runs()).toHaveLength(before)
  })

  it('HTTP: the bill is in the metrics', async () => {
    const answer = await fetch(`http://${warehouse.gateway.http}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'SELECT id, note FROM sales.small' }),
    })
    expect(answer.headers.get('x-flightgate-estimated-bytes')).toBe('10485760')
    expect(await answer.json()).toMatchObject({ metrics: { billed_bytes: 10 * MIB, cost_usd: 0.000077487 } })
  })

  describe('a client lowers what its statements may cost', () => {
    const refused = async (headers: Headers) => {
      const before = runs().length
      const { code, details } = await infoFor('SELECT * FROM sales.large', headers)
      expect(runs()).toHaveLength(before)
      return [code, details]
    }

    it('by headers: the statement is refused before it runs, with the figures', async () => {
      for (const headers of [
        { 'x-flightgate-max-cost-usd': '0.25' },
        { 'x-flightgate-max-bytes-billed': String(50 * GIB) },
      ])
        expect(await refused(headers)).toEqual([8, expect.stringMatching(/107 GB/)])
      expect((await infoFor('SELECT id FROM sales.small', { 'x-flightgate-max-cost-usd': '0.25' })).code).toBe(0)
    })

    it.runIf(hasPython())('with pyarrow and ADBC, and asks for the estimate alone', async () => {
      const before = runs().length
      const statements = ['SELECT id FROM sales.small', 'SELECT * FROM sales.large']
      const seen = await runPython<Record<string, unknown>>('statement_costs.py', warehouse.gateway.uri, ...statements)
      const refusal = expect.stringContaining('0.25 USD')
      expect(seen).toEqual({
        only: [0, dear.bytes],
        refused: refusal,
        adbc: [1, 1],
        'adbc refused': [refusal, refusal],
        'adbc only': 0,
      })
      const queries = runs()
        .slice(before)
        .map(({ body }) => JSON.stringify(body))
      expect(queries.filter((text) => text.includes('sales.large'))).toEqual([])
    })

    it('in an estimate: it tells the refusal', async () => {
      expect(await estimateOf('SELECT * FROM sales.large', { max_cost_usd: 0.25 })).toMatchObject({
        refusal: expect.stringContaining('0.25 USD'),
      })
    })

    it('flightgate estimate: prints what docs/cost.md says, exit code 4', async () => {
      const args = ['estimate', '-e', warehouse.gateway.uri, '--max-cost', '0.25', 'SELECT * FROM sales.large']
      // The gateway waits only some time for advice.
      const { code, stdout, stderr } = await waitFor(async () => {
        const ended = await runFlightgate(args, { cwd })
        return ended.code !== 4 || /^Advice/m.test(ended.stdout) ? ended : undefined
      }, 'an estimate with advice')
      expect([code, stderr]).toEqual([4, ''])
      const [command, printed] = ['sh', 'text'].map((language) => blockOf(language))
      expect(command).toBe('flightgate estimate --max-cost 0.25 "SELECT * FROM sales.large"\n')
      const [told, shown] = [stdout, printed!].map((text) => text.split('\n').map((line) => line.slice(0, 90)))
      // What the rules advise is their own matter.
      const figures = (lines: readonly string[]) => lines.filter((line) => !/^(Advice| {12})/.test(line))
      expect(figures(told!)).toEqual(figures(shown!))
      expect(told!.some((line) => line.startsWith('Advice'))).toBe(true)
    })
  })
})

/** The first block of a language in docs/cost.md. */
function blockOf(language: string): string {
  const page = readFileSync(`${cwd}docs/cost.md`, 'utf8')
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(page)![1]!
}

function isDryRun(body: unknown): boolean {
  const json = typeof body === 'string' ? JSON.parse(body) : body
  return (json as { configuration?: { dryRun?: boolean } })?.configuration?.dryRun === true
}
