import { describe, expect, it } from 'vitest'
import type { Grant } from '../../../src/query/access/grant.ts'
import { grantsOfRoles } from '../../../src/query/access/roles.ts'
import { composePipeline } from '../../../src/query/pipeline.ts'
import { Router } from '../../../src/query/router.ts'
import type { Source } from '../../../src/query/source.ts'
import { authorize } from '../../../src/query/stages/authorize.ts'
import type { Context, Plan, PlannedStatement, Query } from '../../../src/query/types.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** A source whose statements change data if they do not begin with SELECT or WITH. */
function sourceNamed(name: string, writes: boolean): Source {
  return {
    name,
    kind: 'fake',
    writes,
    plan: async (query: Query): Promise<Plan> => ({
      kind: /^(SELECT|WITH)/.test(query.sql) ? 'read' : 'update',
      query,
      schema: new Uint8Array(0),
    }),
    run: async () => 'ran',
    ingest: async () => 1,
  } as unknown as Source
}

const router = new Router([sourceNamed('lake', true), sourceNamed('sea', false)], 'lake')
const pipeline = composePipeline([authorize(router)], router)

function contextOf(...grants: Grant[]): Context {
  const principal = { name: 'dash', roles: ['own'], grants: grantsOfRoles(['own'], { own: { grants } }) }
  return { principal, signal: new AbortController().signal, deadlineAt: Infinity, requestId: 'r', log }
}

const query = (sql: string, more: Partial<Query> = {}): Query => ({
  source: 'lake',
  sql,
  session: {},
  purpose: 'any',
  ...more,
})
const planned = (kind: PlannedStatement['kind'], sql: string, source = 'lake') =>
  ({ kind, query: query(sql, { source }) }) as PlannedStatement
const missing = (verb: string, target: string) => `dash lacks the grant ${verb} on ${target}: a role must grant it.`

describe('the stage authorize', () => {
  it.each([
    ['read', 'SELECT 1', 'read'],
    ['write', 'DELETE', 'update'],
    ['ingest', 'INGEST', 'ingest'],
  ] as const)('needs %s for %s', async (verb, sql, kind) => {
    const others = (['read', 'write', 'estimate', 'ingest', 'operate'] as const).filter((each) => each !== verb)
    await expect(pipeline.run(planned(kind, sql), contextOf({ verbs: [verb] }))).resolves.toBeDefined()
    await expect(pipeline.run(planned(kind, sql), contextOf({ verbs: others }))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: missing(verb, 'lake'),
    })
    await expect(pipeline.run(planned(kind, sql), contextOf({ verbs: [verb], sources: ['sea'] }))).rejects.toThrow()
    if (kind === 'ingest') return
    await expect(pipeline.plan(query(sql), contextOf({ verbs: [verb] }))).resolves.toMatchObject({ kind })
    await expect(pipeline.plan(query(sql), contextOf({ verbs: others }))).rejects.toThrow(missing(verb, 'lake'))
  })

  it('who may only estimate gets the estimate of any statement, and no plan', async () => {
    const ctx = contextOf({ verbs: ['estimate'] })
    for (const sql of ['SELECT 1', 'DELETE']) {
      await expect(pipeline.plan(query(sql, { estimate: true }), ctx)).resolves.toBeDefined()
      await expect(pipeline.plan(query(sql), ctx)).rejects.toThrow(missing('read', 'lake'))
    }
    const reader = contextOf({ verbs: ['read'] })
    await expect(pipeline.plan(query('SELECT 1', { estimate: true }), reader)).rejects.toThrow(
      missing('estimate', 'lake'),
    )
  })

  it('lets nobody change a source that is read-only', async () => {
    const ctx = contextOf({ verbs: ['write', 'ingest'] })
    for (const kind of ['update', 'ingest'] as const)
      await expect(pipeline.run(planned(kind, 'x', 'sea'), ctx)).rejects.toMatchObject({ code: 'READ_ONLY' })
  })

  it('lets a query have side effects only where the principal may write', async () => {
    let mayWrite: unknown
    const seen = composePipeline(
      [
        authorize(router),
        {
          name: 'see',
          run: async (plan) => {
            mayWrite = plan.kind === 'read' && plan.mayWrite
            return {} as never
          },
        },
      ],
      router,
    )
    await seen.run(planned('read', 'SELECT 1'), contextOf({ verbs: ['read', 'write'] }))
    expect(mayWrite).toBe(true)
    await seen.run(planned('read', 'SELECT 1'), contextOf({ verbs: ['read'] }, { verbs: ['write'], sources: ['sea'] }))
    expect(mayWrite).toBeUndefined()
  })
})

/** Statements of a principal that may read `sales`, and write and upload to `sales.orders`. */
describe('grants on parts of a source', () => {
  const catalog = { current: { catalog: 'lake', schema: 'main' }, catalogs: async () => ['lake'] }
  const lake = { ...sourceNamed('lake', true), dialect: 'duckdb', catalog } as unknown as Source
  const dremio = {
    ...sourceNamed('dremio', true),
    dialect: 'dremio',
    catalog: {
      current: { catalog: 'dremio' },
      hasPaths: true,
      catalogs: async () => ['dremio'],
      hasOwn: async () => hasOwnSpace,
    },
  } as unknown as Source
  let hasOwnSpace = false
  const parts = composePipeline([authorize(new Router([lake, dremio], 'lake'))], new Router([lake, dremio], 'lake'))
  const ctx = contextOf(
    { verbs: ['read', 'estimate'], schemas: ['sales'] },
    { verbs: ['read'], tables: ['space.folder.clients', 'main.notes'] },
    { verbs: ['write', 'ingest'], tables: ['sales.orders'] },
  )
  const outcome = async (sql: string, kind: 'read' | 'update', more: Partial<Query> = {}) => {
    const told: string[] = []
    for (const run of [
      () => parts.plan(query(sql, more), ctx),
      () => parts.run({ kind, query: query(sql, more) } as PlannedStatement, ctx),
    ])
      told.push(
        await run().then(
          () => 'ok',
          (error: Error) => error.message,
        ),
      )
    return told
  }

  it.each([
    'SELECT 1',
    'SELECT * FROM sales.orders',
    'SELECT * FROM lake.Sales."ORDERS" o JOIN sales.items USING (id)',
    'SELECT now(), * FROM notes',
    'WITH x AS (SELECT * FROM sales.orders) SELECT * FROM x',
  ])('let run %s', async (sql) => {
    expect(await outcome(sql, 'read')).toEqual(['ok', 'ok'])
  })

  it.each([
    ['SELECT * FROM hr.people', 'read on lake.hr.people'],
    ['SELECT * FROM people', 'read on lake.main.people'],
    ['SELECT * FROM sales.orders WHERE id IN (SELECT id FROM hr.people)', 'read on lake.hr.people'],
    ['SELECT (SELECT max(pay) FROM hr.people) FROM sales.orders', 'read on lake.hr.people'],
    ['WITH x AS (SELECT * FROM hr.people) SELECT * FROM x', 'read on lake.hr.people'],
    ['WITH people AS (SELECT * FROM hr.people), sales AS (FROM people) SELECT * FROM sales', 'lake.hr.people'],
    ['SELECT * FROM lake.people', 'read on lake.lake.people'],
    ['SELECT * FROM other.sales.orders', 'ok'],
    ['SELECT * FROM information_schema.tables', "since it reads the engine's own catalog."],
    ['SELECT * FROM duckdb_tables()', "since it reads the engine's own catalog."],
    ['SELECT * FROM read_csv($$a.csv$$)', 'since it reads files or services outside the engine.'],
    ["SELECT * FROM 'a.csv'", 'since it reads files or services outside the engine.'],
    ["SELECT * FROM query('FROM hr.people')", 'since it calls a function that the gateway does not know.'],
    ["SELECT now(), * FROM query_table('hr.people')", 'since it calls a function'],
    ['SELECT own_macro(1)', 'since it calls a function that the gateway does not know.'],
    ['SELECT * FROM (DESCRIBE hr.people)', 'since it is neither a query nor'],
    ['SELECT 1; SELECT * FROM hr.people', 'since it is neither a query nor'],
    ["SELECT 'a", 'since it is too long or cannot be read'],
    ["SELECT $é$ ' $é$, (SELECT max(id) FROM hr.people), $é$ ' $é$", 'since it is too long or cannot be read'],
    ["SELECT $aé$ ' $aé$, (SELECT max(id) FROM hr.people), $aé$ ' $aé$", 'since it is too long or cannot be read'],
    ['WITH "tas\u212as" AS (SELECT 1) SELECT * FROM tasks', 'read on lake.main.tasks'],
    ["SELECT current_setting('s3_secret_access_key')", 'since it reads the state or the settings'],
  ])('%s: %s', async (sql, told) => {
    for (const each of await outcome(sql, 'read')) expect(each).toContain(told)
  })

  it.each([
    ["INSERT INTO sales.orders VALUES (1, 'a')", 'ok'],
    ['INSERT INTO sales.orders (id) SELECT id FROM sales.items', 'ok'],
    ['UPDATE sales.orders SET id = 2 WHERE id = 1', 'ok'],
    ['DELETE FROM sales.orders WHERE id IN (SELECT id FROM sales.items)', 'ok'],
    ['INSERT INTO sales.items VALUES (1)', 'write on lake.sales.items'],
    ['INSERT INTO sales.orders SELECT id FROM hr.people', 'read on lake.hr.people'],
    ['UPDATE sales.orders SET id = p.id FROM hr.people p', 'read on lake.hr.people'],
    ['UPDATE sales.orders SET id = (SELECT max(id) FROM hr.people)', 'read on lake.hr.people'],
    ['DELETE FROM sales.orders USING hr.people p WHERE p.id = 1', 'cannot be told'],
    ['INSERT INTO sales.orders VALUES ((SELECT max(id) FROM hr.people))', 'read on lake.hr.people'],
    ['INSERT INTO sales.orders VALUES (1); DROP TABLE hr.people', 'cannot be told'],
    ['DROP TABLE sales.orders', 'cannot be told'],
    ['WITH x AS (SELECT 1) INSERT INTO sales.orders SELECT * FROM x', 'cannot be told'],
    ['CREATE VIEW sales.v AS SELECT * FROM hr.people', 'cannot be told'],
    ['INSERT INTO sales.orders BY NAME SELECT 1 AS id', 'ok'],
    ['INSERT INTO sales.orders AS o (id, name) VALUES (1, 2)', 'ok'],
    ['INSERT INTO sales.orders (SELECT * FROM hr.people) UNION ALL SELECT * FROM sales.orders', 'cannot be told'],
    ['INSERT INTO sales.orders (TABLE hr.people) UNION ALL SELECT * FROM sales.orders', 'cannot be told'],
    ['INSERT INTO sales.orders (id, (SELECT 1)) VALUES (1, 2)', 'cannot be told'],
  ])('%s: %s', async (sql, told) => {
    for (const each of await outcome(sql, 'update')) expect(each).toContain(told)
  })

  it('are about the paths of Dremio, with and without the name of the source', async () => {
    const source = { source: 'dremio' }
    for (const sql of ['SELECT * FROM space.folder.clients', 'SELECT * FROM dremio."space"."folder".clients'])
      expect(await outcome(sql, 'read', source)).toEqual(['ok', 'ok'])
    const [told] = await outcome('SELECT * FROM space.folder.people', 'read', source)
    expect(told).toContain('read on dremio.space.folder.people')
    expect((await outcome('SELECT * FROM clients', 'read', source))[0]).toContain('names a table without its schema')
  })

  it('never take the name of a Dremio source off where that widens them', async () => {
    const source = { source: 'dremio' }
    // Dremio looks into the schema of the session first.
    const session = { schema: 'hr' }
    for (const sql of ['SELECT * FROM dremio.space.folder.clients', 'SELECT * FROM space.folder.clients'])
      expect((await outcome(sql, 'read', { ...source, session }))[0]).toContain(
        'read on dremio.hr.space.folder.clients',
      )
    expect((await outcome('SELECT * FROM dremio.people', 'read', { ...source, session }))[0]).toContain('hr.people')
    expect((await outcome('SELECT * FROM dremio.people', 'read', source))[0]).toContain('without its schema')
    hasOwnSpace = true
    try {
      const [told] = await outcome('SELECT * FROM dremio.space.folder.clients', 'read', source)
      expect(told).toContain('read on dremio.dremio.space.folder.clients')
    } finally {
      hasOwnSpace = false
    }
  })

  it('are about the schema of the session', async () => {
    const session = { catalog: 'lake', schema: 'sales' }
    expect(await outcome('SELECT * FROM notes', 'read', { session })).toEqual(['ok', 'ok'])
    // DuckDB looks into main too, where sales has no such table.
    for (const sql of ['SELECT * FROM orders', 'SELECT * FROM tasks'])
      expect((await outcome(sql, 'read', { session }))[0]).toContain('read on lake.main.')
    expect((await outcome('DELETE FROM orders', 'update', { session }))[0]).toContain('cannot be told')
    expect((await outcome('SELECT * FROM notes', 'read', { session: { ...session, schema: 'hr' } }))[0]).toContain(
      'read on lake.hr.notes',
    )
  })

  it('refuse statements for servers of unknown dialects', async () => {
    const server = { ...lake, name: 'server', dialect: 'standard' } as unknown as Source
    const only = new Router([server], 'server')
    const sql = 'SELECT * FROM sales.orders'
    await expect(composePipeline([authorize(only)], only).plan(query(sql, { source: 'server' }), ctx)).rejects.toThrow(
      'a server whose dialect of SQL the gateway does not know',
    )
  })

  it.each([
    ['DELETE FROM my-project.hr.people WHERE true', 'cannot be told'],
    ['UPDATE my-project.hr.people SET a = 1 WHERE true', 'cannot be told'],
    ['INSERT INTO my-project.hr.people SELECT 1', 'cannot be told'],
    ['INSERT INTO sales.2020_orders SELECT 1', 'cannot be told'],
    ['INSERT INTO sales.orders SELECT p.x FROM UNNEST([1]) WITH OFFSET, hr.people p', 'read on big.hr.people'],
    ['INSERT INTO sales.orders SELECT p.x FROM UNNEST([1]) e WITH OFFSET AS o, hr.people p', 'read on big.hr.people'],
    ['INSERT INTO sales.orders SELECT x FROM sales.view', 'read on big.hidden.people'],
    ['INSERT INTO sales.orders SELECT x FROM sales.items', 'ok'],
  ])('in BigQuery: %s: %s', async (sql, told) => {
    const hidden = sql.includes('view') ? ['p.hidden.people'] : []
    const big = {
      ...lake,
      name: 'big',
      dialect: 'bigquery',
      catalog: { current: { catalog: 'p', schema: 'sales' }, catalogs: async () => ['p'] },
      plan: async (asked: Query) => ({
        kind: 'update',
        query: asked,
        estimate: { accuracy: 'exact', referencedTables: ['p.sales.orders', ...hidden] },
      }),
    } as unknown as Source
    const only = new Router([big], 'big')
    const work = composePipeline([authorize(only)], only).plan(query(sql, { source: 'big' }), ctx)
    expect(
      await work.then(
        () => 'ok',
        (error: Error) => error.message.replace('big.p.', 'big.'),
      ),
    ).toContain(told)
  })

  it('in BigQuery: a plan is worth nothing once the grants are others, or if it may only be estimated', async () => {
    const big = {
      ...lake,
      name: 'big',
      dialect: 'bigquery',
      tellsTables: true,
      catalog: { current: { catalog: 'p', schema: 'sales' }, catalogs: async () => ['p'] },
      plan: async (asked: Query) => ({
        kind: 'read',
        query: asked,
        estimate: { accuracy: 'exact', referencedTables: ['p.sales.view', 'p.hr.people'] },
      }),
    } as unknown as Source
    const only = new Router([big], 'big')
    const told = composePipeline([authorize(only)], only)
    const asked = query('SELECT * FROM sales.view', { source: 'big' })
    const view = { verbs: ['read'], schemas: ['sales'] } as const
    const both = contextOf(view, { verbs: ['read'], tables: ['hr.people'] })
    const plan = await told.plan(asked, both)
    await expect(told.run(plan, both)).resolves.toBeDefined()
    await expect(told.run(plan, contextOf(view))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const whole = contextOf({ verbs: ['read'] })
    await expect(told.run(plan, whole)).resolves.toBeDefined()
    await expect(told.run(await told.plan(asked, whole), both)).rejects.toThrow('plan it again')
    const estimator = contextOf(view, { verbs: ['estimate'] })
    const estimated = await told.plan({ ...asked, estimate: true }, estimator)
    await expect(told.run(estimated, estimator)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const reader = contextOf(view, { verbs: ['read'], tables: ['hr.people'] }, { verbs: ['estimate'] })
    await expect(told.run(await told.plan({ ...asked, estimate: true }, reader), reader)).resolves.toBeDefined()
  })

  it('are about the table of an upload', async () => {
    const upload = (schema: string) =>
      parts.run({ kind: 'ingest', query: query('INGEST'), ingest: { schema, table: 'orders' } } as never, ctx)
    await expect(upload('sales')).resolves.toBeDefined()
    await expect(upload('hr')).rejects.toThrow(missing('ingest', 'lake.hr.orders'))
  })

  it('are about estimates of tables too', async () => {
    const plan = (sql: string) => parts.plan(query(sql, { estimate: true }), ctx)
    await expect(plan('SELECT * FROM sales.items')).resolves.toBeDefined()
    await expect(plan('SELECT * FROM main.notes')).rejects.toThrow(missing('estimate', 'lake.main.notes'))
  })

  it('are about the tables behind a view too, where the engine tells them', async () => {
    const telling = {
      ...lake,
      plan: async (asked: Query) => ({
        kind: 'read',
        query: asked,
        schema: new Uint8Array(0),
        estimate: {
          accuracy: 'exact',
          referencedTables: ['lake.sales.orders', asked.sql.includes('open') ? 'lake.sales.items' : 'lake.hr.people'],
        },
      }),
    } as unknown as Source
    const router = new Router([telling], 'lake')
    const told = composePipeline([authorize(router)], router)
    await expect(told.plan(query('SELECT * FROM sales.open_view'), ctx)).resolves.toBeDefined()
    await expect(told.plan(query('SELECT * FROM sales.view'), ctx)).rejects.toThrow(missing('read', 'lake.hr.people'))
  })
})
