import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Frame, frameOf } from '../../src/arrow/ipc/frame.ts'
import { encodeSchema } from '../../src/arrow/schema.ts'
import { GatewayError } from '../../src/query/errors.ts'
import { composePipeline } from '../../src/query/pipeline.ts'
import { Router } from '../../src/query/router.ts'
import { Sealer } from '../../src/query/seal/sealer.ts'
import type { Source } from '../../src/query/source.ts'
import { authorize } from '../../src/query/stages/authorize.ts'
import { Transactions } from '../../src/query/transactions/transactions.ts'
import type { Context, PlannedSql, Result } from '../../src/query/types.ts'
import { type Blobs, MemoryBlobs } from '../../src/state/blobs.ts'
import { MemoryBus } from '../../src/state/bus.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import { preparedHandles } from '../../src/statements/handles/prepared.ts'
import { statementTickets } from '../../src/statements/handles/ticket.ts'
import { keys } from '../../src/statements/keys.ts'
import type { CallScope } from '../../src/statements/query-builder.ts'
import { Statements } from '../../src/statements/statements.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const principal = { name: 'dash', roles: ['writer'] }
const none = new Uint8Array(0)
const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })
const limits = {
  ticketTtlMs: 60_000,
  maxStatementBytes: 1000,
  maxParameterBytes: 1000,
  maxBatchStatements: 100,
  batchConcurrency: 5,
  maxBatchConcurrency: 20,
  batchTimeoutMs: 30_000,
  maxBatchTimeoutMs: 60_000,
  sessionIdleMs: 60_000,
  maxSessionsPerPrincipal: 2,
  pollIdleMs: 60_000,
  defaultDeadlineMs: 60_000,
}

/** A source that answers each query with one batch, a row for each character of its text, and records what it ran. */
class TextSource {
  readonly ran: PlannedSql[] = []
  /** Bytes of the rows. */
  bodyBytes = 0
  /** What each run waits for. */
  ready = Promise.resolve()
  readonly name: string
  readonly kind = 'text'
  readonly writes = true

  constructor(name: string) {
    this.name = name
  }

  async plan(query: PlannedSql['query']) {
    return { kind: query.sql.startsWith('CHANGE') ? 'update' : 'read', query, schema } as const
  }

  async run(statement: PlannedSql): Promise<Result> {
    this.ran.push(statement)
    await this.ready
    const rows = statement.query.sql.length
    const body = new Uint8Array(this.bodyBytes)
    return {
      schema: frameOf(schema, none, 0),
      frames: (async function* () {
        yield [frameOf(schema, body, rows)]
      })(),
      stats: { rows, bytes: 0, affectedRows: statement.kind === 'update' ? rows : -1 },
    }
  }
}

/** The statements layer of a replica as a front composes it, without a server. Replicas can share a store. */
function setUp(store = new MemoryStore(1 << 20), blobs: Blobs = new MemoryBlobs(1 << 20)) {
  const [here, there] = [new TextSource('here'), new TextSource('there')]
  const router = new Router([here, there] as unknown as Source[], 'here')
  const sealer = new Sealer(['first key'])
  const transactions = new Transactions(
    { ...limits, transactionIdleMs: 1000, maxTransactionsPerPrincipal: 1, queueWaitMs: 1 },
    log,
    randomBytes(6).toString('hex'),
  )
  const pipeline = composePipeline([authorize(router)], router)
  const kept = { store, blobs, bus: new MemoryBus() }
  const statements = new Statements({ pipeline, router, transactions, sealer, ...kept, limits })
  const ctx: Context = {
    principal,
    signal: new AbortController().signal,
    deadlineAt: Date.now() + 60_000,
    requestId: 'r',
    log,
  }
  const scope = (more: Partial<CallScope> = {}): CallScope => ({ ctx, namedSource: undefined, session: {}, ...more })
  return {
    here,
    there,
    statements,
    sealer,
    store,
    ctx,
    scope,
    query: (sql: string) => ({ source: 'here', sql, session: {}, purpose: 'any' }) as const,
  }
}

async function rowsOf({ frames }: { readonly frames: AsyncIterable<readonly Frame[]> }): Promise<number> {
  let rows = 0
  for await (const each of frames) for (const frame of each) rows += frame.rows
  return rows
}

describe('the statements layer, without gRPC', () => {
  it('finds the source of a call: the named one, else the session’s', async () => {
    const { statements, scope } = setUp()
    const { queries } = statements
    const sourceOf = async (more: Partial<CallScope>) => (await queries.ofStatement(scope(more), 'READ')).source
    expect(await sourceOf({})).toBe('here')
    expect(await sourceOf({ session: { source: 'there' } })).toBe('there')
    expect(await sourceOf({ namedSource: 'here', session: { source: 'there' } })).toBe('here')
  })

  it('refuses statements that are empty or too long', async () => {
    const { statements, scope } = setUp()
    await expect(statements.queries.ofStatement(scope(), ' ')).rejects.toMatchObject({ code: 'BAD_SQL' })
    await expect(statements.queries.ofStatement(scope(), 'é'.repeat(501))).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it('runs a query each time its ticket is redeemed', async () => {
    const { statements, sealer, ctx, query, here } = setUp()
    const { ticket } = await statements.begin({ query: query('READ') }, ctx)
    expect(here.ran).toEqual([])
    const handle = statementTickets.seal(sealer, principal, Date.now() + 60_000, ticket)
    for (let i = 0; i < 2; i++) {
      const { value } = statementTickets.open(sealer, principal, handle)
      expect(await rowsOf(await statements.resultOf(value, ctx))).toBe(4)
    }
    expect(here.ran.map(({ kind, execution }) => [kind, execution])).toEqual(Array(2).fill(['read', ticket.id]))
  })

  it('runs a change once, before its ticket is redeemed, and keeps the result', async () => {
    const { statements, ctx, query, here } = setUp()
    const { ticket } = await statements.begin({ query: query('CHANGE') }, ctx)
    expect(ticket).toMatchObject({ stored: true, statement: { kind: 'update' } })
    const frames = await statements.results.read(ticket)
    expect(frames.map(({ rows }) => rows)).toEqual([0, 6])
    expect(here.ran).toHaveLength(1)
    expect(await statements.change(query('CHANGE IT'), ctx)).toBe(9)
  })

  it('result of a change: a small one is in its ticket, and needs no store; without the store a large one is not to be run again', async () => {
    const down = () => Promise.reject(new GatewayError('STATE_UNAVAILABLE'))
    const { statements, sealer, ctx, query, here } = setUp(undefined, { get: down, set: down, close: async () => {} })
    const { ticket } = await statements.begin({ query: query('CHANGE') }, ctx)
    const sealed = statementTickets.seal(sealer, principal, Date.now() + 60_000, ticket)
    const { value } = statementTickets.open(sealer, principal, sealed)
    expect((await statements.results.read(value)).map(({ rows }) => rows)).toEqual([0, 6])
    here.bodyBytes = 5000
    const large = await statements.begin({ query: query('CHANGE') }, ctx)
    expect(large.ticket.rows).toBeUndefined()
    await expect(statements.results.read(large.ticket)).rejects.toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: expect.stringContaining('do not run the statement again'),
    })
    expect(here.ran).toHaveLength(2)
  })

  it.each([10, 10_000])(
    'loads %i bytes of bound parameters, whether the handle or the store holds them',
    async (length) => {
      const { statements, sealer, ctx, query } = setUp()
      const parameters = Buffer.alloc(length, 7)
      const bound = await statements.parameters.keep(principal, parameters)
      const handle = preparedHandles.seal(sealer, principal, Date.now() + 60_000, { query: query('READ'), bound })
      expect(handle.byteLength).toBeLessThan(1000)
      const prepared = await statements.prepared(handle, ctx)
      expect(Buffer.from(prepared.query.parameters!).equals(parameters)).toBe(true)
      const { ticket } = await statements.begin(prepared, ctx)
      const loaded = await statements.parameters.loadStatement(ticket)
      expect(Buffer.from(loaded.query.parameters!).equals(parameters)).toBe(true)
    },
  )

  it('answers polls until the statement is ready, then gives its rows for the ticket', async () => {
    const { statements, ctx, query, here } = setUp()
    const statement = { kind: 'read', query: query('READ') } as const
    const asked = { ticket: { id: 'e', statement, stored: false }, planned: false, schema: none, request: none }
    let answer = await statements.polled.begin(asked, ctx)
    while (!answer.isReady) answer = await statements.polled.poll(answer.poll, ctx)
    expect(answer.poll).toMatchObject({ planned: true, schema, ticket: { id: 'e', stored: false } })
    expect(await rowsOf(await statements.resultOf(answer.poll.ticket, ctx))).toBe(4)
    expect(here.ran).toHaveLength(1)
    statements.background.close()
  })

  it('starts a change once when several polls of its handle arrive at the same time, and keeps its run', async () => {
    const { statements, ctx, query, here } = setUp()
    const { promise, resolve: finish } = Promise.withResolvers<void>()
    here.ready = promise
    const statement = { kind: 'read', query: query('CHANGE') } as const
    const asked = { ticket: { id: 'e', statement, stored: false }, planned: false, schema: none, request: none }
    const first = await Promise.all([1, 2, 3].map(() => statements.polled.poll(asked, ctx)))
    expect(first.map(({ isReady }) => isReady)).toEqual([false, false, false])
    expect([statements.background.size, statements.background.touch('e')?.state.kind]).toEqual([1, 'running'])
    finish()
    let answer = await statements.polled.poll(asked, ctx)
    while (!answer.isReady) answer = await statements.polled.poll(answer.poll, ctx)
    expect(answer.poll).toMatchObject({ planned: true, ticket: { stored: true } })
    expect(here.ran).toHaveLength(1)
    statements.background.close()
  })

  it('forgets a polled statement that another replica has claimed, and no later one of the same id', async () => {
    const {
      statements: { background },
      ctx,
    } = setUp()
    const idle = async () => await new Promise<undefined>(() => {})
    const job = background.start('e', idle, ctx)
    background.forget('e', job)
    const later = background.start('e', idle, ctx)
    background.forget('e', job)
    expect(background.touch('e')).toBe(later)
    background.close()
  })

  it('does not cancel a polled change that was made, or polled rows that were read', async () => {
    const { statements, store, ctx, query } = setUp()
    const { polled, running } = statements
    const cancel = (ticket: Parameters<typeof running.cancel>[0]) => running.cancel(ticket, Date.now() + 60_000)
    const endOf = async (id: string, sql: string) => {
      const ticket = { id, statement: { kind: 'read', query: query(sql) }, stored: false } as const
      const asked = { ticket, planned: false, schema: none, request: none }
      let answer = await polled.begin(asked, ctx)
      while (!answer.isReady) answer = await polled.poll(answer.poll, ctx)
      return [asked, answer.poll] as const
    }
    const [asked, changed] = await endOf('c', 'CHANGE')
    for (const { ticket } of [asked, changed]) expect(await cancel(ticket)).toBe(false)
    const [, read] = await endOf('r', 'READ')
    await rowsOf(await statements.resultOf(read.ticket, ctx))
    running.finish('r')
    expect(await cancel(read.ticket)).toBe(false)

    // Another replica, after the result is gone: the change was made all the same.
    const { statements: other } = setUp(store)
    for (const each of [asked, changed]) {
      expect(await other.running.cancel(each.ticket, Date.now() + 60_000)).toBe(false)
      await expect(other.polled.poll(each, ctx)).rejects.toMatchObject({ code: 'EXPIRED_TICKET' })
    }
    statements.background.close()
  })

  it('cancels the running or pending work of a ticket; reports false when it has finished', async () => {
    const { statements, ctx, query } = setUp()
    const { running } = statements
    const { ticket } = await statements.begin({ query: query('READ') }, ctx)
    const reasons: unknown[] = []
    const remove = running.add(ticket.id, ({ code }) => reasons.push(code))
    expect(await running.cancel(ticket, Date.now() + 60_000)).toBe(true)
    expect([reasons, await running.isCancelled(ticket.id)]).toEqual([['CANCELLED'], true])
    remove()
    const { ticket: read } = await statements.begin({ query: query('READ') }, ctx)
    running.finish(read.id)
    const { ticket: changed } = await statements.begin({ query: query('CHANGE') }, ctx)
    for (const each of [read, changed]) {
      expect(await running.cancel(each, Date.now() + 60_000)).toBe(false)
      expect(await running.isCancelled(each.id)).toBe(false)
    }
  })

  it('keeps sessions by principal and id, and refuses more than the limit', async () => {
    const { sessions } = setUp().statements
    await sessions.write(principal, 'a', { schema: 's' })
    expect(await sessions.read(principal, 'a')).toEqual({ schema: 's' })
    expect(await sessions.read({ name: 'tool', roles: [] }, 'a')).toEqual({})
    await sessions.write(principal, 'b', {})
    await expect(sessions.write(principal, 'c', {})).rejects.toMatchObject({ code: 'TOO_MANY_SESSIONS' })
    expect(await sessions.close(principal, 'a')).toBe(true)
    expect(await sessions.close(principal, 'a')).toBe(false)
    await sessions.write(principal, 'c', { cache: false })
    expect(await sessions.read(principal, 'c')).toEqual({ cache: false })
    await sessions.write(principal, 'c', { cache: true })
    await expect(sessions.write(principal, 'a', {})).rejects.toMatchObject({ code: 'TOO_MANY_SESSIONS' })
    expect(await sessions.read(principal, 'a')).toEqual({})
    expect(await sessions.read(principal, 'c')).toEqual({ cache: true })
  })

  it('counts no session that is closed while another call reads it', async () => {
    const { statements, store } = setUp()
    const { sessions } = statements
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await sessions.write(principal, id, {})
      await Promise.all([sessions.close(principal, id), sessions.read(principal, id)])
    }
    // A session that a replica has counted as it ended: it makes room for others.
    for (const id of ['f', 'g']) await store.addMember(keys.sessionsOf(principal.name), id, 60_000, 2)
    for (const id of ['h', 'i']) await sessions.write(principal, id, {})
    await expect(sessions.write(principal, 'j', {})).rejects.toMatchObject({ code: 'TOO_MANY_SESSIONS' })
  })
})
