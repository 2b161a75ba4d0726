import type { Context, Plan, PlannedSql, Query, Result } from '../../../query/types.ts'
import type { Checkout } from '../pool/checkout.ts'
import { releaseAfter, releaseReasonOf } from '../pool/lease.ts'
import type { UpstreamFlight } from '../protocol/flight-sql-client.ts'
import { noColumns } from '../results/no-columns.ts'
import type { Results } from '../results/results.ts'

/** Statements whose parameters the upstream binds. Each is prepared, run and closed on one connection. */
export class PreparedStatements {
  readonly #checkout: Checkout
  readonly #results: Results

  constructor(checkout: Checkout, results: Results) {
    this.#checkout = checkout
    this.#results = results
  }

  /** Prepares a statement for its schema and parameter schema, and closes it. @throws GatewayError */
  async plan(query: Query, kind: PlannedSql['kind'], ctx: Context): Promise<Plan> {
    return await this.#checkout.withLease(query, ctx, 'always', async (flight, lease) => {
      const { handle, schema, parameterSchema } = await flight.prepare(query.sql)
      releaseAfter(flight.closePrepared(handle), lease, 'done', ctx.signal)
      return {
        kind,
        query,
        schema: kind === 'update' ? noColumns : schema,
        ...(parameterSchema.byteLength > 0 && { parameterSchema }),
      }
    })
  }

  /** Runs a statement with its rows of parameters. @throws GatewayError */
  async run(query: Query, parameters: Uint8Array, isUpdate: boolean, ctx: Context): Promise<Result> {
    return await this.#checkout.withLease(query, ctx, isUpdate ? 'notProcessed' : 'always', async (flight, lease) => {
      let { handle } = await flight.prepare(query.sql)
      try {
        handle = await flight.bind(handle, parameters)
        const { endpoints } = await flight.preparedInfo(handle)
        const close = () => flight.closePrepared(handle)
        return await this.#results.relay(lease, endpoints, ctx, { schema: query.session.schema, close })
      } catch (error) {
        // A failed connection is destroyed, and the server closes the statement with it.
        if (releaseReasonOf(error, ctx.signal) !== 'failed') await flight.closePrepared(handle).catch(() => {})
        throw error
      }
    })
  }
}

/** Changes data once for each row of parameters. Returns the number of changed rows. @throws GrpcFailure */
export async function preparedUpdate(flight: UpstreamFlight, sql: string, parameters: Uint8Array): Promise<number> {
  const { handle } = await flight.prepare(sql)
  try {
    return await flight.preparedUpdate(handle, parameters)
  } finally {
    await flight.closePrepared(handle).catch(() => {})
  }
}
