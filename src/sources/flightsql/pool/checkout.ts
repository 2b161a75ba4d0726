import { withClientDeadline } from '../../../grpc/client/client-deadline.ts'
import { ESTIMATE_HEADER } from '../../../query/estimates/estimate-json.ts'
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

/** Work on a leased connection. The lease ends with the work, unless the work keeps it for a result. */
export type Work<T> = (flight: UpstreamFlight, lease: Lease, endpoint: Endpoint) => Promise<T>

/** The parts of a query that decide which connections it may use, and whether the server is asked for an estimate. */
export interface ConnectionScope extends Pick<Query, 'session' | 'transaction' | 'estimate'> {
  /** Whether failures are expected, so that retries are no news to operators. */
  readonly mayFail?: boolean
}

/** Asks an upstream that is a flightgate itself. */
const estimateHeader = { [ESTIMATE_HEADER]: 'true' }

/** Checks out a connection for a query: the one of its transaction, or one from the pool of its session. */
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
   * Checks out a connection, does the work on it and releases it.
   * @param preferred name of the address to try first
   * @throws GatewayError
   */
  async withLease<T>(
    scope: ConnectionScope,
    ctx: Context,
    repeatable: Repeatable,
    work: Work<T>,
    preferred?: string,
  ): Promise<T> {
    const onLease = async (lease: Lease, endpoint: Endpoint) => {
      try {
        const bounds = this.bounds(ctx)
        const own = scope.estimate ? { ...bounds, metadata: { ...bounds.metadata, ...estimateHeader } } : bounds
        return await work(new UpstreamFlight(lease.connection, own, lease.transactionId), lease, endpoint)
      } catch (error) {
        throw withClientDeadline(error, ctx.deadlineAt)
      }
    }
    try {
      if (scope.transaction !== undefined)
        return await this.#transactions.withLease(scope.transaction, ctx.signal, onLease)
      return await this.#pools
        .of(scope.session.schema)
        .withLease(ctx.signal, repeatable, onLease, preferred, scope.mayFail)
    } catch (error) {
      throw this.toError(error)
    }
  }

  /** Bounds of a call that returns no rows: the client's deadline, or `requestTimeoutMs` if that is sooner. */
  bounds(ctx: Context): CallBounds {
    const deadlineAt = Math.min(ctx.deadlineAt, Date.now() + this.#config.requestTimeoutMs)
    return { ...this.streamBounds(ctx), deadlineAt }
  }

  /** Bounds of a call that returns rows or lasts as long as its statement: the client's deadline only. */
  streamBounds(ctx: Context): CallBounds {
    const metadata = metadataToServer(ctx, this.#config.forward)
    return { signal: ctx.signal, deadlineAt: ctx.deadlineAt, metadata, ...(ctx.span && { span: ctx.span }) }
  }

  /** Converts an error to what clients may see. */
  toError(thrown: unknown): unknown {
    return upstreamError(thrown, this.#source, this.#policy)
  }

  /** Converts the error of a stream that broke while the client of `ctx` read it. */
  toStreamError(thrown: unknown, ctx: Context): unknown {
    return this.toError(withClientDeadline(thrown, ctx.deadlineAt))
  }
}
