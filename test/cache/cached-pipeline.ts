import { type Frame, frameOf } from '../../src/arrow/ipc/frame.ts'
import type { SourceRules } from '../../src/cache/cache-rules.ts'
import type { Change, ChangeLog, ChangesSince, ReadScope, Snapshot } from '../../src/cache/changes/change-log.ts'
import type { CacheObserver } from '../../src/cache/counts.ts'
import { Revisions } from '../../src/cache/key/revisions.ts'
import { PlanCache } from '../../src/cache/plans/plan-cache.ts'
import { ResultCache } from '../../src/cache/result-cache.ts'
import type { SharedLevel } from '../../src/cache/shared-level/shared-level.ts'
import type { CacheFilter } from '../../src/query/cache/cache-admin.ts'
import type { CacheControl } from '../../src/query/cache/cache-control.ts'
import type { CacheOutcome } from '../../src/query/cache/cache-outcome.ts'
import { composePipeline } from '../../src/query/pipeline.ts'
import { Router } from '../../src/query/router.ts'
import type { Source } from '../../src/query/source.ts'
import type { StatementTrace } from '../../src/query/statement-trace.ts'
import type { Context, PlannedRead, PlannedSql, Principal, Query, Result } from '../../src/query/types.ts'

const none = new Uint8Array(0)
const log = { debug() {}, info() {}, warn() {}, error() {} }

export const ada: Principal = { name: 'ada', roles: ['reader'] }
export const bob: Principal = { name: 'bob', roles: ['reader'] }
export const root: Principal = { name: 'root', roles: ['admin'] }

/** A change log whose changes a test makes itself. */
export class FakeChanges implements ChangeLog {
  readonly changes: { readonly at: number; readonly principal: string }[] = []
  clears = 0
  isDown = false
  readonly #listeners: ((filter: CacheFilter) => void)[] = []

  snapshot(): Snapshot {
    return [this.changes.length, this.clears]
  }

  since(_scope: ReadScope, [seen = 0, cleared = 0]: Snapshot, reader: string): ChangesSince {
    if (this.clears > cleared) return { kind: 'cleared' }
    const later = this.changes.slice(seen)
    if (later.length === 0) return { kind: 'none' }
    const sinceMs = performance.now() - later[0]!.at
    return { kind: 'changed', sinceMs, byReader: later.some(({ principal }) => principal === reader) }
  }

  async record({ principal }: Change): Promise<void> {
    this.changes.push({ at: performance.now(), principal })
  }

  async clear(filter: CacheFilter = {}): Promise<void> {
    this.clears++
    for (const listener of this.#listeners) listener(filter)
  }

  onClear(listener: (filter: CacheFilter) => void): void {
    this.#listeners.push(listener)
  }
}

/** What a test can set. */
export interface CachedOptions {
  readonly maxBytes?: number
  readonly maxEntryBytes?: number
  readonly rules?: Partial<SourceRules>
  readonly principals?: readonly Principal[]
  readonly shared?: SharedLevel
  /** By default one of its own. */
  readonly changes?: FakeChanges
}

/** Answer of a statement. */
export interface Answer {
  /** Number of the run that produced the rows, from 1. */
  readonly run: number
  readonly outcome: CacheOutcome | undefined
  readonly frames: readonly Frame[]
}

const quiet: CacheObserver = {
  onRequest() {},
  onBypass() {},
  onCollapsed() {},
  onStored() {},
  onEvicted() {},
  onRevalidated() {},
}

/** The stage of the cache around a source whose rows hold the number of the run. */
export class CachedPipeline {
  readonly changes: FakeChanges
  readonly cache: ResultCache
  runs = 0
  /** Size of a frame's body, in bytes. */
  bodyBytes = 100
  framesPerRun = 1
  /** Awaited by each run before its rows. */
  gate: Promise<unknown> = Promise.resolve()
  failure: Error | undefined
  readonly #pipeline

  constructor({
    maxBytes = 1 << 20,
    maxEntryBytes = 1 << 16,
    rules = {},
    principals = [],
    shared,
    changes = new FakeChanges(),
  }: CachedOptions = {}) {
    this.changes = changes
    const general = { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }
    const own = { isEnabled: true, isReplicated: true, isShared: false, metadataNames: [], hasOwnCommands: false }
    const revisions = new Revisions({ version: '1', sources: { here: {} }, principals })
    const sourceOf = () => ({})
    this.cache = new ResultCache({
      plans: new PlanCache({
        ttlMs: 0,
        sourceOf,
        rulesOf: () => undefined,
        revisions,
        changes,
        observer: { onPlan() {} },
      }),
      maxBytes,
      limits: {
        maxEntryBytes,
        maxWindowBytes: 1 << 16,
        readAheadBytes: 0,
        spill: { maxBytes: 0 },
        maxBackground: 2,
        backgroundTimeoutMs: 60_000,
      },
      sources: new Map([['here', { ...general, ...own, ...rules }]]),
      revisions,
      changes,
      factsOf: ({ query: { sql } }) => ({
        canonical: sql,
        reads: undefined,
        ...(sql.includes('random') && { obstacle: 'volatile-function' as const }),
      }),
      observer: quiet,
      shared,
    })
    const source = { name: 'here', kind: 'counting', run: (plan: PlannedSql) => this.#runOnce(plan) }
    this.#pipeline = composePipeline([this.cache.stage], new Router([source as unknown as Source], 'here'))
  }

  /** Runs a statement and reads it to its end. */
  async read(
    sql = 'SELECT 1',
    {
      by = ada,
      control,
      query = {},
      plan = {},
      ctx = {},
    }: {
      readonly by?: Principal
      readonly control?: CacheControl
      readonly query?: Partial<Query>
      readonly plan?: Partial<PlannedRead>
      readonly ctx?: Partial<Context>
    } = {},
  ): Promise<Answer> {
    const trace: StatementTrace = {}
    const { session, ...others } = query
    const own: Query = { source: 'here', sql, purpose: 'any', ...others, session: { ...session } }
    const asked = control ? { ...own, session: { ...own.session, cacheControl: control } } : own
    const result = await this.#pipeline.run({ kind: 'read', query: asked, ...plan }, this.#ctx(by, trace, ctx))
    const frames: Frame[] = []
    for await (const each of result.frames) frames.push(...each)
    const run = frames.length > 0 ? frames[0]!.chunks.at(-1)!.at(-1)! : 0
    return { run, outcome: trace.cache, frames }
  }

  #ctx(principal: Principal, trace: StatementTrace, more: Partial<Context>): Context {
    const signal = new AbortController().signal
    return { principal, signal, deadlineAt: Number.POSITIVE_INFINITY, requestId: 'test', log, trace, ...more }
  }

  async #runOnce(_plan: PlannedSql): Promise<Result> {
    const run = ++this.runs
    await this.gate
    if (this.failure) throw this.failure
    const body = () => Buffer.alloc(this.bodyBytes, run)
    const count = this.framesPerRun
    return {
      schema: frameOf(Buffer.from('schema'), none, 0),
      frames: (async function* () {
        for (let i = 0; i < count; i++) yield [frameOf(Buffer.from('batch'), body(), 1)]
      })(),
      stats: { rows: 0, bytes: 0, affectedRows: -1 },
    }
  }
}
