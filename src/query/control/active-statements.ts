import { randomUUID } from 'node:crypto'
import { allows, lacks } from '../access/allows.ts'
import { mayControl, type Operated, operatedSources } from '../access/operated.ts'
import { GatewayError } from '../errors.ts'
import { type OtherReplicas, type ReplicaBus, ReplicaQuestions } from '../replicas/replica-questions.ts'
import type { Router } from '../router.ts'
import type { Context, Principal, Query } from '../types.ts'
import { principalNamed } from './principal-named.ts'
import { type ActiveStatement, TrackedStatement } from './tracked-statement.ts'

/** Which statements to list; an absent member selects all. */
export interface ActiveFilter {
  /** Name of a source, or its kind if only one source has that kind. */
  readonly source?: string | undefined
  /** Name of a principal. */
  readonly principal?: string | undefined
}

/** Dependencies of `ActiveStatements`. */
export interface ActiveStatementDependencies {
  readonly replicas: OtherReplicas
  readonly bus: ReplicaBus
  readonly router: Pick<Router, 'named'>
  /** The principals with API keys now. */
  principals(): readonly Principal[]
}

/** A cancel as one replica asks another for it. */
interface CancelRequest {
  readonly id: string
  readonly by: string
  /** As `Wish.operated`. */
  readonly operated: Operated
  /** Echoed in the answer. */
  readonly question: string
}

interface CancelAnswer {
  readonly question: string
  readonly found: boolean
}

/** Which statements a caller asks for: those of a principal, at a source; an absent member selects all. */
interface Wish {
  /** The caller, who sees its own statements. */
  readonly by: string
  /** Sources of which the caller sees every statement. */
  readonly operated: Operated
  readonly principal?: string | undefined
  readonly source?: string | undefined
}

interface Selection {
  readonly statements: readonly ActiveStatement[]
  /** Whether further ones are left out. */
  readonly isCut: boolean
}

/** Statements of all replicas. */
export interface ActiveList {
  /** The oldest first. */
  readonly statements: readonly ActiveStatement[]
  /** Whether statements are missing: a replica did not answer in time, or has too many. */
  readonly isPartial: boolean
}

/** Most text of statements that one replica lists, in characters. */
const MAX_LISTED_CHARACTERS = 1 << 20
/** How long another replica may take to answer, in milliseconds. */
const ANSWER_MS = 1000
const CANCEL = 'cancel-query'
const ANSWERS = 'cancel-query-answers'
/** Form of an id: the replica, and the number of the statement there. */
const idForm = /^([0-9a-f]{12})-[0-9a-z]{1,11}$/

/** The oldest first; those of the same millisecond in the same order at each replica. */
const byAge = (a: ActiveStatement, b: ActiveStatement) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1)

/**
 * Whether a principal may see and control what belongs to others, as the verb operate allows it.
 * @param source one source; by default all, those without a statement too
 */
export function mayControlOthers(principal: Pick<Principal, 'roles' | 'grants'>, source?: string): boolean {
  return allows(principal, 'operate', { source })
}

/**
 * The statements that wait or run on this replica, whichever front began them. Without API keys all callers are the principal
 * `anonymous`, so they see and cancel each other's statements; the gateway then listens only on loopback addresses.
 */
export class ActiveStatements {
  readonly #bus: ReplicaBus
  readonly #router: Pick<Router, 'named'>
  readonly #principals: () => readonly Principal[]
  readonly #replica: string
  readonly #lists: ReplicaQuestions<Wish, Selection>
  /** The oldest first. */
  readonly #all = new Map<string, TrackedStatement>()
  readonly #questions = new Map<string, (found: boolean) => void>()
  #count = 0

  constructor({ replicas, bus, router, principals }: ActiveStatementDependencies) {
    this.#replica = replicas.self
    this.#lists = new ReplicaQuestions('list-queries', bus, replicas, (wish: Wish) => this.#selected(wish))
    this.#bus = bus
    this.#router = router
    this.#principals = principals
    bus.subscribe(CANCEL, (message) => this.#onCancelRequest(JSON.parse(message) as CancelRequest))
    bus.subscribe(ANSWERS, (message) => {
      const { question, found } = JSON.parse(message) as CancelAnswer
      this.#questions.get(question)?.(found)
    })
  }

  get size(): number {
    return this.#all.size
  }

  /**
   * Registers a statement until its result has been read; the caller runs it with `ctx` of the returned object.
   * @param estimatedCostUsd what it is expected to cost, if that is known
   */
  begin(query: Query, ctx: Context, estimatedCostUsd?: number): TrackedStatement {
    this.#count++
    const id = `${this.#replica}-${this.#count.toString(36)}`
    const statement = new TrackedStatement(id, query, ctx, this.#all, estimatedCostUsd)
    this.#all.set(id, statement)
    return statement
  }

  /**
   * Lists the statements of all replicas: the viewer's own ones, and all of the sources that it may operate.
   * @throws GatewayError as `listHere`; STATE_UNAVAILABLE
   */
  async list(viewer: Principal, filter: ActiveFilter = {}): Promise<ActiveList> {
    const wish = this.#wishOf(viewer, filter)
    const here = this.#selected(wish)
    const { answers, missing } = await this.#lists.ask(wish)
    const all = [here, ...answers]
    return {
      statements: all.flatMap(({ statements }) => statements).sort(byAge),
      isPartial: missing > 0 || all.some(({ isCut }) => isCut),
    }
  }

  /**
   * Lists those of this process only, the oldest first.
   * @throws GatewayError FORBIDDEN if the filter names another principal and the viewer may operate nothing; UNKNOWN_PRINCIPAL;
   *   UNKNOWN_SOURCE
   */
  listHere(viewer: Principal, filter: ActiveFilter = {}): readonly ActiveStatement[] {
    return this.#selected(this.#wishOf(viewer, filter)).statements
  }

  #wishOf(viewer: Principal, filter: ActiveFilter): Wish {
    const operated = operatedSources(viewer)
    const source = filter.source === undefined ? undefined : this.#router.named(filter.source, viewer).name
    const { principal } = filter
    if (principal !== undefined && principal !== viewer.name) {
      if (operated.length === 0) throw lacks(viewer, 'operate', { source }, 'Without it you see your own statements.')
      principalNamed(this.#principals(), principal)
    }
    return { by: viewer.name, operated, principal, source }
  }

  #selected({ by, operated, principal, source }: Wish): Selection {
    const statements: ActiveStatement[] = []
    let characters = 0
    for (const statement of this.#all.values()) {
      if (!mayControl(statement, by, operated)) continue
      if (principal !== undefined && statement.principal !== principal) continue
      if (source !== undefined && statement.source !== source) continue
      const described = statement.describe()
      characters += described.text.length
      if (characters > MAX_LISTED_CHARACTERS) return { statements, isCut: true }
      statements.push(described)
    }
    return { statements, isCut: false }
  }

  /**
   * Ends a statement as CANCELLED, wherever it waits and on whichever replica it runs.
   * @throws GatewayError UNKNOWN_QUERY if it has ended, never existed, or belongs to another principal and the viewer
   *   may not operate its source; STATE_UNAVAILABLE if another replica runs it and cannot be told
   */
  async cancel(id: string, viewer: Principal): Promise<void> {
    const replica = idForm.exec(id)?.[1]
    const request = { id, by: viewer.name, operated: operatedSources(viewer) }
    const isFound =
      replica === this.#replica ? this.#cancelHere(request) : replica !== undefined && (await this.#askOthers(request))
    if (!isFound) throw new GatewayError('UNKNOWN_QUERY')
  }

  /** Ends the statements of a source on this replica that have begun by a time. @param by Unix milliseconds */
  endAt(source: string, by: number, reason: GatewayError): void {
    for (const statement of [...this.#all.values()])
      if (statement.source === source && statement.startedAt <= by) statement.end(reason)
  }

  #cancelHere({ id, by, operated }: Omit<CancelRequest, 'question'>): boolean {
    const statement = this.#all.get(id)
    if (!statement || !mayControl(statement, by, operated)) return false
    statement.cancel(by)
    return true
  }

  /** Asks the replica that runs the statement. Returns false if it does not know it, or does not answer. */
  async #askOthers(request: Omit<CancelRequest, 'question'>): Promise<boolean> {
    const question = randomUUID()
    const { promise: answer, resolve } = Promise.withResolvers<boolean>()
    this.#questions.set(question, resolve)
    const timer = setTimeout(resolve, ANSWER_MS, false)
    try {
      await this.#bus.publish(CANCEL, JSON.stringify({ ...request, question } satisfies CancelRequest))
      return await answer
    } finally {
      clearTimeout(timer)
      this.#questions.delete(question)
    }
  }

  #onCancelRequest(request: CancelRequest): void {
    if (idForm.exec(request.id)?.[1] !== this.#replica) return
    const answer: CancelAnswer = { question: request.question, found: this.#cancelHere(request) }
    // Without the answer the other replica tells its client that the statement is unknown.
    this.#bus.publish(ANSWERS, JSON.stringify(answer)).catch(() => {})
  }
}
