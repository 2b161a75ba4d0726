import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { SourceSavepoints, SourceTransactions } from '../../../query/source.ts'
import type { Context } from '../../../query/types.ts'
import { upstreamError } from '../errors.ts'
import type { CallBounds } from '../protocol/connection.ts'
import { UpstreamFlight } from '../protocol/flight-sql-client.ts'
import type { Endpoint } from './endpoint.ts'
import type { Endpoints } from './endpoints.ts'
import { Lease, type LeaseEnd, releaseReasonOf } from './lease.ts'

interface Open {
  readonly endpoint: Endpoint
  readonly lease: Lease
  /** The upstream's id of the transaction. */
  readonly transactionId: Uint8Array
  /** Whether a call on the connection has failed. The pool then destroys the connection after the transaction. */
  broken: boolean
}

/** What transactions need from their source. */
export interface TransactionsSetup {
  readonly source: string
  readonly endpoints: Endpoints
  /** Most connections in transactions at a time; the rest stay free for statements outside of transactions. */
  readonly max: number
  bounds(ctx: Context): CallBounds
}

/**
 * Open transactions of an upstream. Each keeps the lease of the connection that began it, because servers may tie a transaction
 * to the connection's session.
 */
export class UpstreamTransactions implements SourceTransactions {
  readonly savepoints: SourceSavepoints = {
    begin: (transaction, name, ctx) => this.#within(transaction, ctx, (flight) => flight.beginSavepoint(name)),
    end: (transaction, savepoint, action, ctx) =>
      this.#within(transaction, ctx, (flight) => flight.endSavepoint(savepoint, action)),
  }
  readonly #setup: TransactionsSetup
  readonly #open = new Map<string, Open>()
  #beginning = 0

  constructor(setup: TransactionsSetup) {
    this.#setup = setup
  }

  async begin(id: string, _options: { readonly readOnly: boolean }, ctx: Context): Promise<void> {
    const { source, endpoints, max, bounds } = this.#setup
    if (this.#open.size + this.#beginning >= max)
      throw new GatewayError(
        'TOO_MANY_TRANSACTIONS',
        `The source ${source} has ${max} open transactions, half of its connections (pool.max): try again later.`,
        { retryAfterMs: 1000 },
      )
    this.#beginning++
    try {
      await endpoints.withLease(ctx.signal, 'notProcessed', async (lease, endpoint) => {
        let transactionId: Uint8Array
        try {
          transactionId = await new UpstreamFlight(lease.connection, bounds(ctx)).beginTransaction()
        } catch (error) {
          // The upstream may have begun the transaction: no other caller must get the connection.
          if (!(error instanceof GrpcFailure) || error.origin !== 'upstream') lease.release('unusable')
          throw error
        }
        this.#open.set(id, { endpoint, lease: lease.keep(), transactionId, broken: false })
      })
    } catch (error) {
      throw upstreamError(error, source)
    } finally {
      this.#beginning--
    }
  }

  /** Does work on the connection of a transaction. @throws GatewayError UNKNOWN_TRANSACTION; what the work throws */
  async withLease<T>(
    id: string,
    signal: AbortSignal,
    work: (lease: Lease, endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    const { endpoint, lease, transactionId } = open
    const onEnd = (end: LeaseEnd) => {
      if (end.reason === 'failed' || end.reason === 'unusable') open.broken = true
      endpoint.noticeEnd(end)
    }
    const held = new Lease(lease.connection, onEnd, transactionId)
    return await endpoint.withLease(signal, (each) => work(each, endpoint), held)
  }

  async commit(id: string, ctx: Context): Promise<void> {
    await this.#end(id, 'commit', ctx)
  }

  async rollback(id: string, ctx: Context): Promise<void> {
    if (this.#open.has(id)) await this.#end(id, 'rollback', ctx)
  }

  /** Destroys the connections of all transactions; the upstream then rolls them back. */
  close(): void {
    for (const { lease } of this.#open.values()) lease.release('unusable')
    this.#open.clear()
  }

  async #within<T>(transaction: string, ctx: Context, work: (flight: UpstreamFlight) => Promise<T>): Promise<T> {
    try {
      return await this.withLease(transaction, ctx.signal, ({ connection, transactionId }) =>
        work(new UpstreamFlight(connection, this.#setup.bounds(ctx), transactionId)),
      )
    } catch (error) {
      throw upstreamError(error, this.#setup.source)
    }
  }

  async #end(id: string, action: 'commit' | 'rollback', ctx: Context): Promise<void> {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    this.#open.delete(id)
    const { lease, transactionId, broken } = open
    try {
      await new UpstreamFlight(lease.connection, this.#setup.bounds(ctx)).endTransaction(transactionId, action)
      lease.release(broken ? 'unusable' : 'done')
    } catch (error) {
      lease.release(releaseReasonOf(error, ctx.signal) === 'done' ? 'done' : 'unusable')
      // The upstream rolls back on its own when the connection is lost.
      const lost = action === 'rollback' && error instanceof GrpcFailure && error.origin === 'local'
      if (!lost) throw upstreamError(error, this.#setup.source)
    }
  }
}
