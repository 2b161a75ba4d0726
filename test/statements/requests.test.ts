import { describe, expect, it } from 'vitest'
import type { TableScan } from '../../src/statements/requests/statement-request.ts'
import { parametersOf, rowsOf, schema, setUp } from './fake-source.ts'

const parameters = parametersOf('a')
const scan = (name: string, more: Partial<TableScan> = {}) => ({ text: { table: { name, columns: [], ...more } } })

describe('the query of a request', () => {
  it('is the text as it is, at the source that the request, the call or the text names', async () => {
    const { statements, scope } = setUp()
    const { requests } = statements
    const text = { query: 'SELECT 1' }
    expect(await requests.queryOf({ text }, scope())).toMatchObject({ source: 'here', sql: 'SELECT 1', purpose: 'any' })
    expect(await requests.queryOf({ text, dataSource: 'THERE' }, scope())).toMatchObject({ source: 'there' })
    expect(await requests.queryOf({ text, dataSource: 'there' }, scope({}, 'here'))).toMatchObject({ source: 'there' })
    expect(await requests.queryOf({ text, dataSource: '' }, scope({}, 'there'))).toMatchObject({ source: 'there' })
    const named = { text: { query: 'SELECT * FROM there.main.t' } }
    expect(await requests.queryOf(named, scope())).toMatchObject({ source: 'there' })
  })

  it('refuses what a text may not be', async () => {
    const { statements, scope } = setUp()
    const refused = async (query: string) =>
      await statements.requests.queryOf({ text: { query } }, scope()).catch(({ code, message }) => `${code} ${message}`)
    expect(await refused(' ')).toMatch(/^BAD_SQL/)
    expect(await refused(`SELECT '${'x'.repeat(2000)}'`)).toMatch(/^TOO_LARGE.*maxStatementBytes/)
    expect(await refused('USE there')).toMatch(/^BAD_SQL.*data_source/)
    await expect(
      statements.requests.queryOf({ text: { query: 'SELECT 1' }, dataSource: 'nowhere' }, scope()),
    ).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' })
    await expect(
      statements.requests.queryOf({ text: { query: 'SELECT ?' }, parameters: new Uint8Array(1001) }, scope()),
    ).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it.each([
    ['no Arrow', Buffer.from('0123456789')],
    ['a truncated stream', parameters.subarray(0, -1)],
    ['two schemas', Buffer.concat([parameters, parameters])],
    ['an empty stream', Buffer.from('ffffffff00000000', 'hex')],
  ])('refuses %s as parameters', async (_name, bytes) => {
    const { statements, scope } = setUp()
    const request = { text: { query: 'SELECT ?' }, parameters: bytes }
    await expect(statements.requests.queryOf(request, scope())).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    const query = await statements.requests.queryOf({ ...request, parameters }, scope())
    expect(query.parameters).toBe(parameters)
    expect(await statements.requests.queryOf({ ...request, parameters: new Uint8Array() }, scope())).not.toHaveProperty(
      'parameters',
    )
  })

  it('is written from a scan, with every name quoted, and only reads', async () => {
    const { statements, scope } = setUp()
    const query = async (name: string, more?: Partial<TableScan>) =>
      await statements.requests.queryOf(scan(name, more), scope())
    expect(await query('orders')).toMatchObject({ source: 'here', sql: 'SELECT * FROM "orders"', purpose: 'read' })
    const all = { columns: ['id', 'say "hi"'], filter: "status = 'open' -- really", limit: 10 }
    expect((await query('main."odd.name"', all)).sql).toBe(
      `SELECT "id", "say ""hi""" FROM "main"."odd.name" WHERE (\nstatus = 'open' -- really\n) LIMIT 10`,
    )
    expect((await query('t', { limit: 0, filter: ' ' })).sql).toBe('SELECT * FROM "t" LIMIT 0')
  })

  it('finds the source of a scan by its first name, and quotes as that source does', async () => {
    const { statements, scope } = setUp({ quote: '`' })
    const query = await statements.requests.queryOf(scan('there.main.t', { columns: ['a`b"'] }), scope())
    expect(query).toMatchObject({ source: 'there', sql: 'SELECT `a``b"` FROM `there`.`main`.`t`' })
    await expect(
      statements.requests.queryOf({ ...scan('t', { columns: ['a\\'] }), dataSource: 'there' }, scope()),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it.each([
    ['my-project.shop.orders', '`my-project`.`shop`.`orders`'],
    ['`my-project`.shop."orders"', '`my-project`.`shop`.`orders`'],
    ['`there.shop.orders`', '`there.shop.orders`'],
    ['`there.shop`.events_*', '`there.shop`.`events_*`'],
  ])('reads backticks in the name %s, for a dialect that has them', async (name, written) => {
    const { statements, scope } = setUp({ quote: '`' })
    const request = { ...scan(name), ...(name.includes('there') ? {} : { dataSource: 'there' }) }
    const query = await statements.requests.queryOf(request, scope())
    expect(query).toMatchObject({ source: 'there', sql: `SELECT * FROM ${written}` })
  })

  it('takes names in backticks in a filter only where the dialect has them', async () => {
    const { statements, scope } = setUp({ quote: '`' })
    const query = async (filter: string, dataSource: string) =>
      await statements.requests.queryOf({ ...scan('t', { filter }), dataSource }, scope())
    expect((await query('`a b` > 1 AND `c)` < 2', 'there')).sql).toBe(
      'SELECT * FROM `t` WHERE (\n`a b` > 1 AND `c)` < 2\n)',
    )
    await expect(query('`a b` > 1', 'here')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(query('`a\\`) UNION ALL (SELECT 1', 'there')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('writes plain names at a source that cannot quote, and refuses others', async () => {
    const { statements, scope } = setUp({ quote: ' ' })
    const query = async (name: string) =>
      await statements.requests.queryOf({ ...scan(name), dataSource: 'there' }, scope())
    expect((await query('main.t')).sql).toBe('SELECT * FROM main.t')
    await expect(query('"a b"')).rejects.toMatchObject({ code: 'BAD_REQUEST', message: /needs quotes/ })
  })

  it.each([
    ['', {}],
    ['a..b', {}],
    ['a.', {}],
    ['"open', {}],
    ['"a"b', {}],
    ['a"b', {}],
    ['""', {}],
    ['a\0', {}],
    ['t', { columns: [''] }],
    ['t', { limit: -1 }],
    ['t', { limit: 1.5 }],
    ['t', { limit: Number.NaN }],
    ['t', { filter: '1=1) UNION SELECT * FROM secrets WHERE (1=1' }],
    ['t', { filter: '1=1; DELETE FROM t' }],
  ] as const)('refuses the scan of %j with %j', async (name, more) => {
    const { statements, scope } = setUp()
    await expect(statements.requests.queryOf(scan(name, more), scope())).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('counts a scan of many columns against the limit of a statement', async () => {
    const { statements, scope } = setUp()
    await expect(
      statements.requests.queryOf(scan('t', { columns: Array(300).fill('column') }), scope()),
    ).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })
})

describe('a started statement', () => {
  it('tells what it took', async () => {
    const { statements, scope } = setUp()
    const started = await statements.requests.start({ text: { query: 'rows 3 sleep 5' } }, scope())
    expect(started).toMatchObject({ source: 'here', plan: { kind: 'read' } })
    expect(started.metrics()).not.toHaveProperty('firstByteMs')
    expect(await rowsOf(started.result)).toBe(3)
    const metrics = started.metrics()
    expect(metrics).toMatchObject({ source: 'here', rows: 3, isCacheHit: false })
    expect(metrics.bytes).toBeGreaterThan(0)
    expect(metrics.queuedMs).toBeGreaterThanOrEqual(0)
    expect(metrics.firstByteMs).toBeGreaterThan(metrics.plannedMs!)
    expect(metrics.totalMs).toBeGreaterThan(metrics.firstByteMs!)
    expect(started.metrics()).toEqual(metrics)
  })

  it('waits for its slot, and tells how long', async () => {
    const { statements, scope, limiter } = setUp({ slots: 1 })
    const release = await limiter.acquire(new AbortController().signal)
    const starting = statements.requests.start({ text: { query: 'rows 1' } }, scope())
    await expect.poll(() => limiter.queued).toBe(1)
    setTimeout(release, 30)
    const started = await starting
    expect(started.metrics().queuedMs).toBeGreaterThan(20)
    await started.result.frames[Symbol.asyncIterator]().return?.()
    expect(limiter.inUse).toBe(0)
  })

  it('is estimated, or the estimate is unknown', async () => {
    const { statements, scope, here } = setUp()
    const estimate = async (query: string) => await statements.requests.estimate({ text: { query } }, scope())
    expect(await estimate('rows 1')).toEqual({ source: 'here', estimate: { accuracy: 'unknown' }, schema })
    expect(await estimate('estimate {"accuracy":"exact","bytes":7}')).toEqual({
      source: 'here',
      estimate: { accuracy: 'exact', bytes: 7 },
      schema,
    })
    expect(here.ran).toEqual([])
  })
})
