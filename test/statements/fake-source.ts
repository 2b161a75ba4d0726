import { setTimeout } from 'node:timers/promises'
import { type Frame, frameOf } from '../../src/arrow/ipc/frame.ts'
import { joinStream } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema } from '../../src/arrow/schema.ts'
import { GatewayError } from '../../src/query/errors.ts'
import { ConcurrencyLimiter } from '../../src/query/limits/concurrency-limiter.ts'
import { composePipeline, type Stage } from '../../src/query/pipeline.ts'
import { Router } from '../../src/query/router.ts'
import { Sealer } from '../../src/query/seal/sealer.ts'
import type { Source } from '../../src/query/source.ts'
import { admit } from '../../src/query/stages/admit.ts'
import { authorize } from '../../src/query/stages/authorize.ts'
import { Transactions } from '../../src/query/transactions/transactions.ts'
import type { Context, Plan, PlannedSql, Query, Result } from '../../src/query/types.ts'
import { MemoryBlobs } from '../../src/state/blobs.ts'
import { MemoryBus } from '../../src/state/bus.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import type { CallScope } from '../../src/statements/query-builder.ts'
import { Statements, type StatementsDependencies } from '../../src/statements/statements.ts'

const none = new Uint8Array(0)
export const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })
const log = { debug() {}, info() {}, warn() {}, error() {} }

export const limits = {
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
  transactionIdleMs: 1000,
  maxTransactionsPerPrincipal: 1,
  queueWaitMs: 20_000,
}

/**
 * A source whose statements say what they do, in words: `sleep MS`, `rows N` (batches of one row), `fail CODE`, `break CODE`
 * (after the first batch), `hang` (until the signal), `create NAME` (a change), `needs NAME` (planning fails without the table),
 * `badplan CODE`, `slowplan MS`. Without a time they wait for no timer, so that no time limit comes before their end.
 */
export class ScriptedSource {
  readonly kind = 'scripted'
  readonly writes = true
  readonly planned: string[] = []
  readonly ran: string[] = []
  readonly tables = new Set<string>()
  active = 0
  maxActive = 0
  planning = 0
  maxPlanning = 0
  readonly name: string
  readonly quote: string | undefined

  constructor(name: string, quote?: string) {
    this.name = name
    this.quote = quote
  }

  readonly catalog = { catalogs: async () => [this.name], schemas: async () => [] }

  async capabilities() {
    return {
      transactions: false,
      savepoints: false,
      ingestion: false,
      sql: new Map(this.quote === undefined ? [] : [[504, this.quote]]),
    }
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    this.planned.push(query.sql)
    this.maxPlanning = Math.max(this.maxPlanning, ++this.planning)
    try {
      const word = reader(query.sql)
      const slow = word('slowplan')
      if (slow !== undefined) await setTimeout(Number(slow), undefined, { signal: ctx.signal }).catch(() => {})
      ctx.signal.throwIfAborted()
      const bad = word('badplan')
      if (bad !== undefined) throw new GatewayError(bad as 'BAD_SQL')
      const needed = word('needs')
      if (needed !== undefined && !this.tables.has(needed)) throw new GatewayError('UNKNOWN_OBJECT')
      const estimate = word('estimate')
      return {
        kind: word('create') === undefined ? 'read' : 'update',
        query,
        schema,
        ...(estimate !== undefined && query.estimate && { estimate: JSON.parse(estimate) }),
      }
    } finally {
      this.planning--
    }
  }

  async run({ query, kind }: PlannedSql, ctx: Context): Promise<Result> {
    ctx.signal.throwIfAborted()
    const word = reader(query.sql)
    this.ran.push(query.sql)
    this.maxActive = Math.max(this.maxActive, ++this.active)
    const end = () => {
      this.active--
    }
    const failing = word('fail')
    if (failing !== undefined) {
      end()
      throw new GatewayError(failing as 'BAD_SQL')
    }
    const frames = this.#frames(word, ctx.signal)
    let isOver = false
    const over = () => {
      if (!isOver) end()
      isOver = true
    }
    const iterator: AsyncIterator<readonly Frame[]> = {
      next: async () => {
        try {
          const next = await frames.next()
          if (next.done) {
            const created = word('create')
            if (created !== undefined) this.tables.add(created)
            over()
          }
          return next
        } catch (error) {
          over()
          throw error
        }
      },
      return: async () => {
        await frames.return(undefined)
        over()
        return { done: true, value: undefined }
      },
    }
    return {
      schema: frameOf(schema, none, 0),
      frames: { [Symbol.asyncIterator]: () => iterator },
      stats: { rows: 0, bytes: 0, affectedRows: kind === 'update' ? 7 : -1 },
    }
  }

  async *#frames(word: (name: string) => string | undefined, signal: AbortSignal): AsyncGenerator<readonly Frame[]> {
    const sleep = async (ms: number) => {
      if (ms > 0) await setTimeout(ms, undefined, { signal }).catch(() => {})
      signal.throwIfAborted()
    }
    for (let i = Number(word('rows') ?? 1); i > 0; i--) {
      await sleep(Number(word('sleep') ?? 0))
      if (word('hang') !== undefined) await sleep(60_000)
      yield [frameOf(schema, none, 1)]
      const broken = word('break')
      if (broken !== undefined) throw new GatewayError(broken as 'UPSTREAM_DATA')
    }
  }
}

function reader(sql: string): (name: string) => string | undefined {
  const words = sql.split(' ')
  return (name) => {
    const at = words.indexOf(name)
    return at < 0 ? undefined : (words[at + 1] ?? '')
  }
}

/** Parameters of a statement: one column of this name, no rows. */
export function parametersOf(name: string): Buffer {
  const column = { name, format: 'u', nullable: true, metadata: [], children: [] }
  return joinStream([
    { header: encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [column] }), body: none },
  ])
}

/** What `setUp` can change. */
export interface SetUp {
  readonly slots?: number
  readonly maxQueued?: number
  readonly queueWaitMs?: number
  readonly stages?: readonly Stage[]
  readonly checkBatch?: StatementsDependencies['checkBatch']
  readonly freeStatements?: StatementsDependencies['freeStatements']
  readonly takeRequests?: StatementsDependencies['takeRequests']
  readonly quote?: string
}

/** The statements layer as fronts get it, over two scripted sources, `here` (the default) and `there`. */
export function setUp({
  slots = 100,
  maxQueued = 1000,
  queueWaitMs = limits.queueWaitMs,
  stages = [],
  checkBatch,
  freeStatements,
  takeRequests,
  quote,
}: SetUp = {}) {
  const [here, there] = [new ScriptedSource('here'), new ScriptedSource('there', quote)]
  const router = new Router([here, there] as unknown as Source[], 'here')
  const sealer = new Sealer(['first key'])
  const transactions = new Transactions(limits, log, '0123456789ab')
  const limiter = new ConcurrencyLimiter({ slots, maxQueued, queueWaitMs })
  const pipeline = composePipeline(
    [
      ...stages,
      authorize(router),
      admit({ limiterOf: () => limiter, limits: { contendedStallMs: 60_000 }, onWait() {} }),
    ],
    router,
  )
  const kept = { store: new MemoryStore(1 << 20), blobs: new MemoryBlobs(1 << 20), bus: new MemoryBus() }
  const statements = new Statements({
    pipeline,
    router,
    transactions,
    sealer,
    ...kept,
    limits,
    checkBatch,
    freeStatements,
    takeRequests,
  })
  const controller = new AbortController()
  const ctx: Context = {
    principal: { name: 'dash', roles: ['writer'] },
    signal: controller.signal,
    deadlineAt: Date.now() + 60_000,
    requestId: 'r',
    log,
  }
  const scope = (more: Partial<Context> = {}, named?: string): CallScope => ({
    ctx: { ...ctx, ...more },
    namedSource: named,
    session: {},
  })
  return { here, there, statements, sealer, limiter, controller, scope, pipeline }
}

export async function rowsOf({ frames }: { readonly frames: AsyncIterable<readonly Frame[]> }): Promise<number> {
  let rows = 0
  for await (const each of frames) for (const frame of each) rows += frame.rows
  return rows
}
