import { lacks } from '../access/allows.ts'
import { mayControl, type Operated, operatedSources } from '../access/operated.ts'
import type { CacheResult } from '../cache/cache-outcome.ts'
import type { GatewayError } from '../errors.ts'
import { type OtherReplicas, type ReplicaBus, ReplicaQuestions } from '../replicas/replica-questions.ts'
import type { Router } from '../router.ts'
import type { StatementTrace } from '../statement-trace.ts'
import { beginningOf } from '../text/beginning.ts'
import type { Context, Principal, Query } from '../types.ts'

/** A statement that has ended, or that could not be planned. */
export interface RecentStatement {
  /** Id among the active statements; a statement that could not be planned has one of its own. */
  readonly id: string
  readonly principal: string
  readonly source: string
  /** The first 2,000 characters of the text. */
  readonly text: string
  /** `OK`, or the code of the error that the client got. */
  readonly outcome: string
  /** The first 500 characters of that error's message. */
  readonly message?: string | undefined
  /** Front that received it, such as `flight`. */
  readonly front?: string | undefined
  readonly requestId: string
  /** When it began to wait or run, or to be planned if that failed: Unix time in milliseconds. */
  readonly startedAt: number
  /** When it ended, in Unix milliseconds. */
  readonly endedAt: number
  /** Sum of the parts below, in milliseconds. */
  readonly durationMs: number
  /** Time to plan it, which may have been in an earlier call; absent if it was never planned, as an upload of rows. */
  readonly planMs?: number | undefined
  /** Time that it waited for a slot; absent if it never asked for one, as a cache hit. */
  readonly queueMs?: number | undefined
  /** Time from then to its first batch, or to its end without one; absent if it never ran. */
  readonly firstByteMs?: number | undefined
  /** Time from the first batch until the client had read all; absent without a batch. */
  readonly streamMs?: number | undefined
  /** Rows that the client has read. */
  readonly rows: number
  /** Arrow bytes that the client has read. */
  readonly bytes: number
  /** Bytes that the engine billed; absent until it has told, or if it does not bill. */
  readonly billedBytes?: number | undefined
  readonly costUsd?: number | undefined
  /** What the result cache did, such as `HIT`; absent if the cache is off or the statement did not get there. */
  readonly cache?: CacheResult | undefined
  /** Whether the rows came from another statement or a cache. */
  readonly isShared: boolean
}

/** Which ended statements to list; an absent member selects all. */
export interface RecentFilter {
  /** Name of a source, or its kind if only one source has that kind. */
  readonly source?: string | undefined
  readonly principal?: string | undefined
  /** `OK`, the code of an error, or `FAILED` for each outcome but `OK`. */
  readonly outcome?: string | undefined
  /** Most statements to list: 1 to 1,000. */
  readonly limit?: number | undefined
}

/** Ended statements of all replicas. */
export interface RecentList {
  /** The one that ended last first. */
  readonly statements: readonly RecentStatement[]
  /** Whether statements are missing: a replica did not answer in time, or has too much text. */
  readonly isPartial: boolean
}

/** Dependencies of `RecentStatements`. */
export interface RecentStatementDependencies {
  readonly replicas: OtherReplicas
  readonly bus: ReplicaBus
  readonly router: Pick<Router, 'named'>
  /** Bounds of the memory, in statements and bytes. */
  readonly maxStatements: number
  readonly maxBytes: number
}

/** What a stage tells of an ended statement. The text is that of the query. */
export interface EndedStatement
  extends Pick<RecentStatement, 'startedAt' | 'planMs' | 'firstByteMs' | 'streamMs' | 'rows' | 'bytes'> {
  readonly query: Query
  readonly ctx: Context
  readonly failure: GatewayError | undefined
}

/** Parts of a remembered statement that are final; `trace` may still get its bill. */
interface Remembered {
  readonly fixed: Omit<RecentStatement, 'queueMs' | 'durationMs' | 'billedBytes' | 'costUsd' | 'cache' | 'isShared'>
  readonly trace: StatementTrace
  readonly bytes: number
}

interface Wish {
  /** The caller, who sees its own statements. */
  readonly by: string
  /** Sources of which the caller sees every statement. */
  readonly operated: Operated
  readonly principal?: string | undefined
  readonly source?: string | undefined
  readonly outcome?: string | undefined
  readonly limit: number
}

interface Selection {
  readonly statements: readonly RecentStatement[]
  readonly isCut: boolean
}

/** Largest and default number of listed statements. */
export const MAX_LISTED = 1000
export const DEFAULT_LISTED = 100
/** Most text that one replica lists, in characters. */
const MAX_LISTED_CHARACTERS = 1 << 20
const MAX_TEXT_CHARACTERS = 2000
const MAX_MESSAGE_CHARACTERS = 500
/** What a remembered statement takes besides its texts, in bytes: measured in V8. */
const ENTRY_BYTES = 600

/** The one that ended last first; those of the same millisecond in the same order at each replica. */
const byEnd = (a: RecentStatement, b: RecentStatement) => b.endedAt - a.endedAt || (a.id < b.id ? 1 : -1)

/**
 * The statements that ended last in this process, whichever front began them, bounded in number and bytes. Callers see their own
 * ones; those who may control the statements of others see all.
 */
export class RecentStatements {
  readonly #replica: string
  readonly #router: Pick<Router, 'named'>
  readonly #lists: ReplicaQuestions<Wish, Selection>
  readonly #maxStatements: number
  readonly #maxBytes: number
  /** The oldest first, from `#first` on. */
  #ring: (Remembered | undefined)[] = []
  #first = 0
  #bytes = 0
  #unplanned = 0

  constructor({ replicas, bus, router, maxStatements, maxBytes }: RecentStatementDependencies) {
    this.#replica = replicas.self
    this.#router = router
    this.#maxStatements = maxStatements
    this.#maxBytes = maxBytes
    this.#lists = new ReplicaQuestions('recent-queries', bus, replicas, (wish: Wish) => this.#selected(wish))
  }

  /** Number of remembered statements. */
  get size(): number {
    return this.#ring.length - this.#first
  }

  /** Their memory in bytes, as estimated. */
  get bytes(): number {
    return this.#bytes
  }

  /** Remembers a statement that has ended. It keeps neither the query nor its context, which may hold large parameters. */
  add({ query, ctx, failure, ...times }: EndedStatement): void {
    const text = beginningOf(query.sql, MAX_TEXT_CHARACTERS)
    const message = failure && beginningOf(failure.message, MAX_MESSAGE_CHARACTERS)
    const trace = ctx.trace ?? {}
    const bytes = ENTRY_BYTES + 2 * (text.length + (message?.length ?? 0))
    this.#ring.push({
      fixed: {
        id: trace.queryId ?? `${this.#replica}-p${(++this.#unplanned).toString(36)}`,
        principal: ctx.principal.name,
        source: query.source,
        text,
        outcome: failure?.code ?? 'OK',
        message,
        front: ctx.front,
        requestId: ctx.requestId,
        endedAt: Date.now(),
        ...times,
      },
      trace,
      bytes,
    })
    this.#bytes += bytes
    while (this.size > this.#maxStatements || (this.#bytes > this.#maxBytes && this.size > 0)) {
      this.#bytes -= this.#ring[this.#first]!.bytes
      this.#ring[this.#first++] = undefined
    }
    // Drop the free front in large steps, so that an addition costs the same however many there are.
    if (this.#first > 1000 && this.#first * 2 > this.#ring.length) {
      this.#ring = this.#ring.slice(this.#first)
      this.#first = 0
    }
  }

  /**
   * Lists the statements that ended last on all replicas.
   * @throws GatewayError as `listHere`; STATE_UNAVAILABLE
   */
  async list(viewer: Principal, filter: RecentFilter = {}): Promise<RecentList> {
    const wish = this.#wishOf(viewer, filter)
    const here = this.#selected(wish)
    const { answers, missing } = await this.#lists.ask(wish)
    const all = [here, ...answers]
    return {
      statements: all
        .flatMap(({ statements }) => statements)
        .sort(byEnd)
        .slice(0, wish.limit),
      isPartial: missing > 0 || all.some(({ isCut }) => isCut),
    }
  }

  /**
   * Lists those of this process only, the one that ended last first.
   * @throws GatewayError FORBIDDEN if the filter names another principal and the viewer may see only its own; UNKNOWN_SOURCE
   */
  listHere(viewer: Principal, filter: RecentFilter = {}): readonly RecentStatement[] {
    return this.#selected(this.#wishOf(viewer, filter)).statements
  }

  #wishOf(viewer: Principal, { source, principal, outcome, limit }: RecentFilter): Wish {
    const operated = operatedSources(viewer)
    if (principal !== undefined && principal !== viewer.name && operated.length === 0)
      throw lacks(viewer, 'operate', { source }, 'Without it you see your own statements.')
    return {
      by: viewer.name,
      operated,
      // A name that is not configured is no error: keys are removed, and their statements stay for a while.
      principal,
      source: source === undefined ? undefined : this.#router.named(source, viewer).name,
      outcome,
      limit: Math.min(MAX_LISTED, Math.max(1, limit ?? DEFAULT_LISTED)),
    }
  }

  #selected({ by, operated, principal, source, outcome, limit }: Wish): Selection {
    const statements: RecentStatement[] = []
    let characters = 0
    for (let i = this.#ring.length - 1; i >= this.#first && statements.length < limit; i--) {
      const { fixed, trace } = this.#ring[i]!
      if (!mayControl(fixed, by, operated)) continue
      if (principal !== undefined && fixed.principal !== principal) continue
      if (source !== undefined && fixed.source !== source) continue
      if (outcome !== undefined && !isOutcome(fixed.outcome, outcome)) continue
      characters += fixed.text.length
      if (characters > MAX_LISTED_CHARACTERS) return { statements, isCut: true }
      statements.push(described(fixed, trace))
    }
    return { statements, isCut: false }
  }
}

function isOutcome(outcome: string, wished: string): boolean {
  return wished === 'FAILED' ? outcome !== 'OK' : outcome === wished
}

function described(fixed: Remembered['fixed'], trace: StatementTrace): RecentStatement {
  const { planMs = 0, firstByteMs = 0, streamMs = 0 } = fixed
  const { queueWaitMs = 0 } = trace
  return {
    ...fixed,
    queueMs: trace.queueWaitMs,
    durationMs: planMs + queueWaitMs + firstByteMs + streamMs,
    billedBytes: trace.billedBytes,
    costUsd: trace.costUsd,
    cache: trace.cache?.result,
    isShared: trace.isShared ?? false,
  }
}
