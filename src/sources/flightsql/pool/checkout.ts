import { withClientDeadline } from '../../../grpc/client/client-deadline.ts'
import type { Context, Query } from '../../../query/types.ts'
import { type ErrorPolicy, upstreamError } from '../errors.ts'
import { metadataToServer } from '../metadata-forwarding.ts'
import type { CallBounds } from '../protocol/connection.ts'
import { UpstreamFlight } from '../protocol/flight-sql-client.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import type { FlightSqlConfig } from '../settings.ts'
import type { Endpoint } from './endpoint.ts'
import type { Repeatable } from './endpoints.ts'
import type { Lease } from './lease.ts'
import type { SessionPools } from './session-pools.ts'
import type { UpstreamTransactions } from './transactions.ts'

/** A piece of work on a connection, which goes back when it is done unless the work has kept the lease for a result. */
export type Work<T> = (flight: UpstreamFlight, lease: Lease, upstream: Endpoint) => Promise<T>

/** What decides which connections a query may use. */
export type QueryPlace = Pick<Query, 'session' | 'transaction'>

/** Finds the connections that a query may run on: its transaction's, or one with its session. */
export class Checkout {
  readonly #source: string
  readonly #config: FlightSqlConfig
  readonly #policy: ErrorPolicy
  readonly #pools: SessionPools
  readonly #transactions: UpstreamTransactions

  constructor(
    source: string,
    config: FlightSqlConfig,
    profile: Profile,
    pools: SessionPools,
    transactions: UpstreamTransactions,
  ) {
    this.#source = source
    this.#config = config
    this.#policy = { forward: config.forward, classifiesErrors: profile.classifiesErrors }
    this.#pools = pools
    this.#transactions = transactions
  }

  /**
   * Does work on a connection.
   * @param preferred name of the address to begin with
   * @throws GatewayError
   */
  async lend<T>(
    place: QueryPlace,
    ctx: Context,
    repeatable: Repeatable,
    work: Work<T>,
    preferred?: string,
  ): Promise<T> {
    const onLease = async (lease: Lease, upstream: Endpoint) => {
      try {
        return await work(new UpstreamFlight(lease.connection, this.bounds(ctx), lease.transactionId), lease, upstream)
      } catch (error) {
        throw withClientDeadline(error, ctx.deadlineAt)
      }
    }
    try {
      if (place.transaction !== undefined) return await this.#transactions.lend(place.transaction, ctx.signal, onLease)
      return await this.#pools.of(place.session.schema).lend(ctx.signal, repeatable, onLease, preferred)
    } catch (error) {
      throw this.toError(error)
    }
  }

  /** Bounds of a call that delivers no rows. */
  bounds(ctx: Context): CallBounds {
    const deadlineAt = Math.min(ctx.deadlineAt, Date.now() + this.#config.requestTimeoutMs)
    return { ...this.streamBounds(ctx), deadlineAt }
  }

  /** Bounds of a call that delivers rows, or takes as long as the statement does. */
  streamBounds(ctx: Context): CallBounds {
    return { signal: ctx.signal, deadlineAt: ctx.deadlineAt, metadata: metadataToServer(ctx, this.#config.forward) }
  }

  /** The error as clients may see it. */
  toError(thrown: unknown): unknown {
    return upstreamError(thrown, this.#source, this.#policy)
  }

  /** The same for a result that broke while the client of `ctx` read it. */
  toStreamError(thrown: unknown, ctx: Context): unknown {
    return this.toError(withClientDeadline(thrown, ctx.deadlineAt))
  }
}
