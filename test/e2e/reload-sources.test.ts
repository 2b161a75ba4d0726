import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionEndTransactionRequest,
  ActionEndTransactionRequest_EndTransaction,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess, type LogLine } from './gateway-process.ts'
import { HttpAnswer } from './http-answer.ts'
import { jsonOf, postJson } from './http-client.ts'
import { readRows } from './read-rows.ts'

const demo = { kind: 'duckdb' }
const ME = { name: 'me', key: 'my-key', roles: ['admin'] }
const credentials = { 'x-api-key': 'my-key' }
/** More rows, of 1,000 letters, than the buffers on the way to a client hold that does not read. */
const ROWS = 40_000
const LARGE = `SELECT range AS n, repeat('x', 1000) AS s FROM range(${ROWS})`
const ENDLESS = 'SELECT count(*) AS n FROM range(10000000) a, range(10000000) b WHERE a.range + b.range > 7'

let upstream: GatewayProcess
let gateway: GatewayProcess
let flight: FlightStub
let lake: object
const folder = mkdtempSync(join(tmpdir(), 'flightgate-reload-'))
beforeAll(async () => {
  upstream = await GatewayProcess.start({ sources: { db: { kind: 'duckdb', writes: true } } })
  lake = { kind: 'flightsql', uri: upstream.uri, pool: { max: 4 }, writes: true }
  gateway = await GatewayProcess.start({ sources: { demo, lake }, defaultSource: 'demo', auth: { apiKeys: [ME] } })
  flight = new FlightStub(gateway.flight)
})
afterAll(async () => {
  flight?.close()
  await Promise.all([gateway?.stop(), upstream?.stop()])
  rmSync(folder, { recursive: true })
})

const from = (source: string) => ({ 'x-flightgate-source': source, ...credentials })

/** Runs a statement by HTTP. */
const post = (query: string, source: string) =>
  postJson(gateway, '/api/v1/query', { query, data_source: source }, credentials)

/** Begins a statement whose result the client does not read: it runs until the test reads on. */
async function unread(source: string): Promise<HttpAnswer> {
  const body = { query: LARGE, data_source: source, format: 'ndjson' }
  const answer = await HttpAnswer.post(gateway, 'stream', body, credentials)
  answer.pause()
  return answer
}

/** Reads the rest of an answer; returns the number of its lines. */
async function linesOf(answer: HttpAnswer): Promise<number> {
  answer.resume()
  expect([answer.status, await answer.ended]).toEqual([200, true])
  return answer.bytes.toString().trimEnd().split('\n').length
}

const running = async () =>
  (await jsonOf(fetch(`http://${gateway.http}/api/v1/queries`, { headers: credentials }))).queries as {
    state: string
  }[]

const isClosed = ({ event, source, state }: LogLine, name: string) =>
  event === 'source' && source === name && state === 'closed'

/** Runs a statement by Flight; returns its rows. */
async function rows(sql: string, source: string, transaction?: Uint8Array) {
  const info = await flight.info(sql, from(source), transaction)
  const end = await flight.call('DoGet', [ticketOf(info)], from(source))
  if (end.code !== 0) throw new Error(`${end.code}: ${end.details}`)
  return readRows(end.messages)
}

async function act(type: string, body: Uint8Array, source: string): Promise<Buffer | undefined> {
  const end = await flight.call('DoAction', [Action.encode({ type, body: Buffer.from(body) }).finish()], from(source))
  if (end.code !== 0) throw new Error(`${end.code}: ${end.details}`)
  return end.messages[0]
}

async function beginTransaction(source: string): Promise<Buffer> {
  const body = packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish())
  const answer = Result.decode((await act('BeginTransaction', body, source))!)
  const any = answer.body
  return ActionBeginTransactionResult.decode(any.subarray(any.indexOf(0x12) + 2)).transactionId as Buffer
}

describe('a reload', () => {
  it('adds a source, which answers, and removes it', async () => {
    expect(
      await gateway.reload({
        sources: { demo, lake, extra: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT 7 AS x'] } },
      }),
    ).toMatchObject({
      outcome: 'applied',
      changed: ['sources.extra'],
    })
    expect(await rows('SELECT x FROM t', 'extra')).toEqual([{ x: 7 }])
    expect(await gateway.metric('flightgate_slots', { source: 'extra' })).toBe(16)
    await gateway.reload({ sources: { demo, lake } })
    await expect(rows('SELECT x FROM t', 'extra')).rejects.toThrow(/no source "extra"/)
    await gateway.line((line) => isClosed(line, 'extra'))
  })

  it('lets a running statement of a removed source end', async () => {
    const begun = await unread('lake')
    await gateway.reload({ sources: { demo } })
    expect((await post('SELECT 1', 'lake')).status).toBe(404)
    expect((await running()).map(({ state }) => state)).toEqual(['running'])
    expect(await linesOf(begun)).toBe(ROWS)
    await gateway.line((line) => isClosed(line, 'lake'))
    await gateway.reload({ sources: { demo, lake } })
    expect(await rows('SELECT 1 AS one', 'lake')).toEqual([{ one: 1 }])
  })

  it('ends what runs at a removed source after the grace time', async () => {
    await gateway.reload({ drain: { notReadyMs: 0, sourceGraceMs: 200 } })
    const closed = () => gateway.lines.filter((line) => isClosed(line, 'lake'))
    const before = closed().length
    const slow = post(ENDLESS, 'lake')
    await waitFor(async () => (await running()).some(({ state }) => state === 'running'), 'the statement')
    await gateway.reload({ sources: { demo } })
    const answer = await slow
    expect([answer.status, (await jsonOf(answer)).code]).toEqual([499, 'CANCELLED'])
    await waitFor(() => closed().length > before, 'the end of the source')
    expect(closed().at(-1)).toMatchObject({ level: 'warn', msg: expect.stringContaining('drain.sourceGraceMs') })
    await gateway.reload({ sources: { demo, lake }, drain: { notReadyMs: 0 } })
  })

  it('lets a transaction of a changed source go on where it is', async () => {
    const transaction = await beginTransaction('lake')
    await rows('CREATE TABLE made AS SELECT 5 AS y', 'lake', transaction)
    expect(await gateway.reload({ sources: { demo, lake: { ...lake, pool: { max: 5 } } } })).toMatchObject({
      changed: ['sources.lake.pool.max'],
    })
    expect(await rows('SELECT y FROM made', 'lake', transaction)).toEqual([{ y: 5 }])
    await expect(rows('SELECT y FROM made', 'lake')).rejects.toThrow(/made/)
    const body = ActionEndTransactionRequest.encode({
      transactionId: transaction,
      action: ActionEndTransactionRequest_EndTransaction.END_TRANSACTION_COMMIT,
    }).finish()
    await act('EndTransaction', packAny('ActionEndTransactionRequest', body), 'lake')
    expect(await rows('SELECT y FROM made', 'lake')).toEqual([{ y: 5 }])
    await gateway.reload({ sources: { demo, lake } })
  })

  it('that cannot open a new source changes nothing', async () => {
    const broken = { kind: 'duckdb', init: ['SELECT nonsense'] }
    const line = await gateway.reload({ sources: { demo, lake, broken }, limits: { maxQueued: 3 } })
    expect(line).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(/^sources.broken.init\[0\]: /)] })
    expect(await gateway.reload({ sources: { demo, lake } })).toMatchObject({ changed: ['limits.maxQueued'] })
  })

  it('keeps a database in memory: such a change needs a restart, others of the source do not', async () => {
    const changed = { ...demo, threads: 1, statementTimeoutMs: 60_000 }
    expect(await gateway.reload({ sources: { demo: changed, lake } })).toMatchObject({
      changed: ['sources.demo.statementTimeoutMs'],
      needsRestart: ['sources.demo.threads'],
    })
    await gateway.reload({ sources: { demo, lake } })
  })

  it('does not open a file twice that a source changes', async () => {
    const file = { kind: 'duckdb', path: join(folder, 'data.duckdb'), writes: true }
    expect(await gateway.reload({ sources: { demo, lake, file } })).toMatchObject({ outcome: 'applied' })
    expect(await gateway.reload({ sources: { demo, lake, other: file } })).toMatchObject({
      outcome: 'refused',
      problems: [expect.stringMatching(/sources.file has the same file.*restart/)],
    })
    const begun = await unread('file')
    await gateway.reload({ sources: { demo, lake } })
    expect(await gateway.reload({ sources: { demo, lake, file } })).toMatchObject({
      outcome: 'refused',
      problems: [expect.stringMatching(/sources.file \(until its calls have ended\) has the same file.*Try again/)],
    })
    expect(await linesOf(begun)).toBe(ROWS)
    await gateway.line((line) => isClosed(line, 'file'))
    expect(await gateway.reload({ sources: { demo, lake, other: file } })).toMatchObject({ outcome: 'applied' })
    await gateway.reload({ sources: { demo, lake } })
  })

  it('fails no call while clients of Flight and HTTP query all the time', async () => {
    const closed = () => gateway.lines.filter((line) => isClosed(line, 'lake')).length
    const closedBefore = closed()
    const failures: unknown[] = []
    let calls = 0
    let isOver = false
    const client = async (query: () => Promise<void>) => {
      while (!isOver) {
        await query().catch((error: unknown) => failures.push(error))
        calls++
      }
    }
    const overHttp = (source: string) => async () => {
      const answer = await post(`SELECT ${calls} AS n`, source)
      if (answer.status !== 200) throw new Error(await answer.text())
      await answer.text()
    }
    const overFlight = (source: string) => async () => {
      await rows(`SELECT range AS n, ${calls} FROM range(1000)`, source)
    }
    const clients = ['demo', 'lake', 'lake'].flatMap((source) => [
      client(overHttp(source)),
      client(overFlight(source)),
      client(overFlight(source)),
    ])
    for (let i = 0; i < 10; i++) {
      const before = calls
      await waitFor(() => calls > before + 9, 'calls')
      const line = await gateway.reload({
        auth: { apiKeys: [{ name: `key${i}`, key: `other-key-${i}` }, ME] },
        limits: { maxQueued: 100 + i },
        quotas: { maxConcurrentStatements: 50 + i },
        sources: { demo, lake: { ...lake, pool: { max: 3 + i } } },
      })
      expect(line).toMatchObject({ outcome: 'applied' })
    }
    isOver = true
    await Promise.all(clients)
    expect(failures).toEqual([])
    await waitFor(() => closed() >= closedBefore + 10, 'the former pools to close')
    await expect.poll(() => upstream.metric('flightgate_connections')).toBeLessThan(20)
  })
})
