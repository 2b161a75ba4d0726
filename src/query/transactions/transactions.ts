import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Release, Semaphore } from '../../async/semaphore.ts'
import { deriveContext } from '../derive-context.ts'
import { GatewayError } from '../errors.ts'
import { checkOwner, ownedId } from '../replicas/owned-elsewhere.ts'
import type { Source, SourceSavepoints } from '../source.ts'
import type { Context, Logger, Principal } from '../types.ts'
import { idleMsOf } from './idle-limit.ts'
import type { OpenTransaction, TransactionLimits, TransactionStart, Turn } from './open-transaction.ts'
import { ownContext, ROLLBACK_WAIT_MS } from './own-context.ts'
import { SoleConnections } from './sole-connections.ts'

/** Maximum number of statements that wait for their turn in one transaction. */
const MAX_WAITING = 100
const MAX_FAILED_COMMITS = 10_000
/** If rows wait unread for this time, in milliseconds, the client is not reading the result. */
const UNREAD_MS = 250
/** Number of checks in that time. Each runs in a turn of its own of the event loop, so that a cancellation can arrive between them. */
const UNREAD_CHECKS = 5

/** The open transactions of this process. Checks owners, serializes statements, and rolls back idle transactions. */
export class Transactions {
  readonly #limits: TransactionLimits
  readonly #log: Logger
  readonly #onEnded: (id: string) => Promise<void>
  readonly #replica: string
  readonly #open = new Map<string, OpenTransaction>()
  /** Ids of transactions that never began: see `placeholderTransaction`. */
  readonly #placeholders = new Set<string>()
  /** Transactions whose commit failed. Clients roll these back before they begin the next, so rollback must succeed. */
  readonly #failedCommits = new LRUCache<string, true>({ max: MAX_FAILED_COMMITS })
  readonly #connections = new SoleConnections<OpenTransaction>((transaction) => this.#abandon(transaction))

  /** @param onEnded called after a transaction was committed or rolled back, or may have been, and before the client is told */
  constructor(limits: TransactionLimits, log: Logger, replica: string, onEnded = async (_id: string) => {}) {
    this.#limits = limits
    this.#log = log
    this.#replica = replica
    this.#onEnded = onEnded
  }

  /** Number of open transactions. */
  get size(): number {
    return this.#open.size
  }

  /** Number of open transactions that have run a statement; the others lose nothing on a rollback. */
  get used(): number {
    return [...this.#open.values()].filter(({ used }) => used).length
  }

  /** The open transactions by id. */
  get open(): ReadonlyMap<string, OpenTransaction> {
    return this.#open
  }

  /**
   * Begins a transaction and returns its id.
   * @throws GatewayError UNIMPLEMENTED, TOO_MANY_TRANSACTIONS, or the engine's error
   */
  async begin(start: TransactionStart, ctx: Context): Promise<string> {
    const { source } = start
    if (!source.transactions)
      throw new GatewayError('UNIMPLEMENTED', `The source ${source.name} has no transactions: use auto-commit.`)
    const { maxTransactionsPerPrincipal } = this.#limits
    const own = [...this.#open.values()].filter(({ principal }) => principal.name === ctx.principal.name)
    if (own.length >= maxTransactionsPerPrincipal)
      throw new GatewayError(
        'TOO_MANY_TRANSACTIONS',
        `${ctx.principal.name} has ${own.length} transactions already (limits.maxTransactionsPerPrincipal): end some.`,
      )
    const id = ownedId(this.#replica, randomUUID())
    const controller = new AbortController()
    const transaction: OpenTransaction = {
      ...start,
      id,
      principal: ctx.principal,
      turn: new Semaphore(1),
      controller,
      idleTimer: undefined,
      abandoned: false,
      unreadSince: undefined,
      used: false,
    }
    this.#open.set(id, transaction)
    try {
      await source.transactions.begin(id, start, ctx)
    } catch (error) {
      this.#forget(transaction)
      throw error
    }
    // The session has ended in the meantime, or the client has cancelled: no client will end the transaction.
    if (this.#open.get(id) !== transaction || ctx.signal.aborted) {
      this.#forget(transaction)
      await source.transactions.rollback(id, ownContext(transaction, this.#log))
      ctx.signal.throwIfAborted()
      throw new GatewayError('UNKNOWN_TRANSACTION', 'The session of the transaction has ended.')
    }
    this.#awaitUse(transaction)
    if (ctx.connection) this.#connections.use(transaction, ctx.connection)
    return id
  }

  /** The id of a transaction that a client can only end: ADBC begins the next one within its commit, also at a gateway that drains. */
  placeholderTransaction(): string {
    const id = ownedId(this.#replica, randomUUID())
    this.#placeholders.add(id)
    return id
  }

  /** @throws OwnedElsewhere if another process has the transaction */
  checkHere(id: string): void {
    checkOwner(id, this.#replica)
  }

  /** Returns the source of a transaction. @throws GatewayError UNKNOWN_TRANSACTION, FORBIDDEN */
  sourceOf(id: string, principal: Principal): Source {
    return this.#find(id, principal).source
  }

  /**
   * Whether a transaction is at this source, or may move there because it has run no statement and its source is not fixed.
   * @throws GatewayError UNKNOWN_TRANSACTION, FORBIDDEN
   */
  mayMove(id: string, source: Source, principal: Principal): boolean {
    const transaction = this.#find(id, principal)
    return transaction.source.name === source.name || !(transaction.used || transaction.isFixed)
  }

  /**
   * Moves a transaction that has run no statement to another source. Clients begin a transaction before their first statement
   * shows which source they need.
   * @throws GatewayError BAD_SQL if the transaction has run a statement or the client has named its source, UNIMPLEMENTED, as
   *   `hold`, or the engine's error
   */
  async moveTo(id: string, source: Source, readOnly: boolean, ctx: Context): Promise<void> {
    const transaction = this.#find(id, ctx.principal)
    const { source: from } = transaction
    if (!this.mayMove(id, source, ctx.principal))
      throw new GatewayError(
        'BAD_SQL',
        `The transaction belongs to the source ${from.name}, but the statement needs ${source.name}: commit or roll back first.`,
      )
    if (!source.transactions)
      throw new GatewayError(
        'UNIMPLEMENTED',
        `The statement is for the source ${source.name}, which has no transactions: use auto-commit.`,
      )
    const giveBack = await this.#takeTurn(transaction, ctx.signal)
    try {
      if (transaction.source.name === source.name) return
      await source.transactions.begin(id, { readOnly }, ctx)
      if (this.#open.get(id) !== transaction) {
        await source.transactions.rollback(id, ownContext(transaction, this.#log))
        throw new GatewayError('UNKNOWN_TRANSACTION')
      }
      transaction.source = source
      await from.transactions!.rollback(id, ctx)
    } finally {
      giveBack()
      this.#awaitUse(transaction)
    }
  }

  /**
   * Waits for a statement's turn in its transaction. Fails if the previous result stays unread for `UNREAD_MS` of the wait.
   * @throws GatewayError UNKNOWN_TRANSACTION, FORBIDDEN, UNREAD_RESULT, QUEUE_TIMEOUT, or the signal's reason
   */
  async hold(id: string, ctx: Context): Promise<Turn> {
    const transaction = this.#find(id, ctx.principal)
    const signal = AbortSignal.any([ctx.signal, transaction.controller.signal])
    const giveBack = await this.#takeTurn(transaction, signal)
    if (!this.#open.has(id)) {
      giveBack()
      throw new GatewayError('UNKNOWN_TRANSACTION')
    }
    clearTimeout(transaction.idleTimer)
    transaction.abandoned = false
    transaction.used = true
    if (ctx.connection) this.#connections.use(transaction, ctx.connection)
    let released = false
    return {
      ctx: deriveContext(ctx, { signal }),
      awaitReader: (isAwaited) => {
        if (!released) transaction.unreadSince = isAwaited ? performance.now() : undefined
      },
      release: () => {
        if (released) return
        released = true
        transaction.unreadSince = undefined
        giveBack()
        this.#awaitUse(transaction)
      },
    }
  }

  /** Commits after the running statement of the transaction has ended. @throws GatewayError as `hold`, and CONFLICT */
  async commit(id: string, ctx: Context): Promise<void> {
    if (this.#placeholders.delete(id)) return
    const { release } = await this.hold(id, ctx)
    const transaction = this.#find(id, ctx.principal)
    this.#forget(transaction)
    release()
    if (ctx.changeMark) ctx.changeMark.mayHaveChanged = true
    try {
      await transaction.source.transactions!.commit(id, ctx)
    } catch (error) {
      this.#failedCommits.set(id, true)
      throw error
    } finally {
      await this.#onEnded(id)
    }
  }

  /** Rolls back and cancels the running statement. @throws GatewayError UNKNOWN_TRANSACTION, FORBIDDEN */
  async rollback(id: string, ctx: Context): Promise<void> {
    if (this.#placeholders.delete(id) || this.#failedCommits.delete(id)) return
    await this.#rollBack(this.#find(id, ctx.principal), ctx)
  }

  /** Begins a savepoint and returns the engine's id. @throws GatewayError as `hold`, UNIMPLEMENTED */
  async beginSavepoint(id: string, name: string, ctx: Context): Promise<Uint8Array> {
    return await this.#withSavepoints(id, ctx, (savepoints, within) => savepoints.begin(id, name, within))
  }

  /** Releases a savepoint, or rolls back to it. @throws GatewayError as `hold`, UNIMPLEMENTED */
  async endSavepoint(id: string, savepoint: Uint8Array, action: 'release' | 'rollback', ctx: Context): Promise<void> {
    await this.#withSavepoints(id, ctx, (savepoints, within) => savepoints.end(id, savepoint, action, within))
  }

  /** Rolls back the transactions of an ending session of a principal. @param ctx of the call that ends it, if it came here */
  async endSession(owner: string, sessionId: string, ctx?: Context): Promise<void> {
    for (const transaction of [...this.#open.values()])
      if (transaction.sessionId === sessionId && transaction.principal.name === owner)
        await this.#rollBack(transaction, ctx ?? ownContext(transaction, this.#log))
  }

  async #withSavepoints<T>(
    id: string,
    ctx: Context,
    work: (savepoints: SourceSavepoints, within: Context) => Promise<T>,
  ): Promise<T> {
    const { source } = this.#find(id, ctx.principal)
    const savepoints = source.transactions?.savepoints
    if (!savepoints)
      throw new GatewayError(
        'UNIMPLEMENTED',
        `The source ${source.name} has no savepoints: use a separate transaction.`,
      )
    const turn = await this.hold(id, ctx)
    try {
      return await work(savepoints, turn.ctx)
    } finally {
      turn.release()
    }
  }

  /** Called when the client's only connection closes. Rolls back unless the client reconnects soon. */
  #abandon(transaction: OpenTransaction): void {
    transaction.abandoned = true
    if (transaction.turn.inUse === 0) this.#awaitUse(transaction)
  }

  /** Removes a transaction. Returns whether it was open. */
  #forget(transaction: OpenTransaction): boolean {
    this.#connections.forget(transaction)
    return this.#open.delete(transaction.id)
  }

  #find(id: string, principal: Principal): OpenTransaction {
    if (this.#placeholders.has(id)) throw new GatewayError('DRAINING')
    const transaction = this.#open.get(id)
    if (!transaction) {
      this.checkHere(id)
      throw new GatewayError('UNKNOWN_TRANSACTION')
    }
    if (transaction.principal.name !== principal.name)
      throw new GatewayError('FORBIDDEN', 'The transaction belongs to another principal.')
    return transaction
  }

  async #takeTurn(transaction: OpenTransaction, signal: AbortSignal): Promise<Release> {
    const { turn } = transaction
    signal.throwIfAborted()
    const free = turn.tryTake()
    if (free) return free
    const { queueWaitMs } = this.#limits
    if (turn.waiting >= MAX_WAITING)
      throw new GatewayError(
        'QUEUE_FULL',
        `${turn.waiting} statements of the transaction wait already: try again later.`,
        { retryAfterMs: queueWaitMs },
      )
    const unread = new AbortController()
    // Counted from now: the client may have closed the result a moment ago, and its cancellation is still on the way.
    let [unreadSince, unreadChecks] = [transaction.unreadSince, 0]
    const checkUnread = () => {
      unreadChecks = unreadSince !== undefined && transaction.unreadSince === unreadSince ? unreadChecks + 1 : 0
      unreadSince = transaction.unreadSince
      if (unreadChecks >= UNREAD_CHECKS) unread.abort(new GatewayError('UNREAD_RESULT'))
    }
    const checks = setInterval(checkUnread, UNREAD_MS / UNREAD_CHECKS)
    try {
      const release = await turn.take(AbortSignal.any([signal, unread.signal]), queueWaitMs)
      if (release) return release
      throw new GatewayError(
        'QUEUE_TIMEOUT',
        'Another statement of the transaction still runs: try again when it has ended, or close it.',
      )
    } finally {
      clearInterval(checks)
    }
  }

  async #rollBack(transaction: OpenTransaction, ctx: Context): Promise<void> {
    const { id, controller, turn, source } = transaction
    if (!this.#forget(transaction)) return
    clearTimeout(transaction.idleTimer)
    controller.abort(new GatewayError('CANCELLED', 'The transaction was rolled back.'))
    // If the running statement does not end in time, continue: the engine makes the rollback wait for it.
    const giveBack = await turn.take(undefined, Math.min(ROLLBACK_WAIT_MS, this.#limits.queueWaitMs))
    try {
      await source.transactions!.rollback(id, ctx)
    } finally {
      giveBack?.()
      await this.#onEnded(id)
    }
  }

  #awaitUse(transaction: OpenTransaction): void {
    clearTimeout(transaction.idleTimer)
    if (!this.#open.has(transaction.id)) return
    transaction.idleTimer = setTimeout(
      () => {
        const { principal, source } = transaction
        this.#log.warn(
          { event: 'transaction', principal: principal.name, source: source.name },
          'rolled back an idle transaction',
        )
        this.#rollBack(transaction, ownContext(transaction, this.#log)).catch((err: unknown) =>
          this.#log.error({ err }, 'the rollback of an idle transaction failed'),
        )
      },
      idleMsOf(transaction, this.#limits),
    )
    transaction.idleTimer.unref()
  }
}
