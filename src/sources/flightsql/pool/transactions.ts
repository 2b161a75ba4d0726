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
  readonly upstream: Endpoint
  readonly lease: Lease
  /** The upstream's own id. */
  readonly transactionId: Uint8Array
  /** Whether a call on the connection has failed: it is destroyed after the transaction. */
  broken: boolean
}

/** What the transactions of a source need of it. */
export interface TransactionsSetup {
  readonly source: string
  readonly upstreams: Endpoints
  /** Most connections that may be in transactions; the others are left for statements outside. */
  readonly max: number
  bounds(ctx: Context): CallBounds
}

/**
 * Open transactions of an upstream. Each keeps the connection that it was begun on, since servers may tie it to that
 * connection's session.
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
    const { source, upstreams, max, bounds } = this.#setup
    if (this.#open.size + this.#beginning >= max)
      throw new GatewayError(
        'TOO_MANY_TRANSACTIONS',
        `The source ${source} has ${max} open transactions, half of its connections (pool.max): try again later.`,
        { retryAfterMs: 1000 },
      )
    this.#beginning++
    try {
      await upstreams.lend(ctx.signal, 'notProcessed', async (lease, upstream) => {
        let transactionId: Uint8Array
        try {
          transactionId = await new UpstreamFlight(lease.connection, bounds(ctx)).beginTransaction()
        } catch (error) {
          // The upstream may have begun the transaction all the same: no other caller must get the connection.
          if (!(error instanceof GrpcFailure) || error.origin !== 'upstream') lease.release('unusable')
          throw error
        }
        this.#open.set(id, { upstream, lease: lease.keep(), transactionId, broken: false })
      })
    } catch (error) {
      throw upstreamError(error, source)
    } finally {
      this.#beginning--
    }
  }

  /** Does work on the connection of a transaction. @throws GatewayError UNKNOWN_TRANSACTION; as the work does */
  async lend<T>(id: string, signal: AbortSignal, work: (lease: Lease, upstream: Endpoint) => Promise<T>): Promise<T> {
    const open = this.#open.get(id)
    if (!open) throw new GatewayError('UNKNOWN_TRANSACTION')
    const { upstream, lease, transactionId } = open
    const onEnd = (end: LeaseEnd) => {
      if (end.reason === 'failed' || end.reason === 'unusable') open.broken = true
      upstream.noticeEnd(end)
    }
    const held = new Lease(lease.connection, onEnd, transactionId)
    return await upstream.lend(signal, (each) => work(each, upstream), held)
  }

  async commit(id: string, ctx: Context): Promise<void> {
    await this.#end(id, 'commit', ctx)
  }

  async rollback(id: string, ctx: Context): Promise<void> {
    if (this.#open.has(id)) await this.#end(id, 'rollback', ctx)
  }

  /** Ends the connections of all transactions, which the upstream then rolls back. */
  close(): void {
    for (const { lease } of this.#open.values()) lease.release('unusable')
    this.#open.clear()
  }

  async #within<T>(transaction: string, ctx: Context, work: (flight: UpstreamFlight) => Promise<T>): Promise<T> {
    try {
      return await this.lend(transaction, ctx.signal, ({ connection, transactionId }) =>
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
      // Without its connection the upstream rolls back by itself.
      const lost = action === 'rollback' && error instanceof GrpcFailure && error.origin === 'local'
      if (!lost) throw upstreamError(error, this.#setup.source)
    }
  }
}
