import { encodeSchema } from '../../../arrow/schema.ts'
import type { Context, Plan, PlannedSql, Query, Result } from '../../../query/types.ts'
import type { Checkout } from '../pool/checkout.ts'
import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'
import { noColumns } from '../results/no-columns.ts'
import { emptyResult, type Results } from '../results/results.ts'
import { countedResult } from '../results/row-count.ts'
import { inlineParameters, type Template, withNulls } from './inline-parameters.ts'
import { readStatement } from './statement-text.ts'

/** Statements with parameters for an upstream that cannot bind: the gateway writes the values into the statements. */
export class InlinedStatements {
  readonly #checkout: Checkout
  readonly #results: Results

  constructor(checkout: Checkout, results: Results) {
    this.#checkout = checkout
    this.#results = results
  }

  /** Plans the statement with its first row of parameters, or with NULLs, to learn the schema. @throws GatewayError */
  async plan(query: Query, kind: PlannedSql['kind'], ctx: Context): Promise<Plan> {
    const template = await templateOf(query, ctx)
    const rows = query.parameters && inlineParameters(template, query.parameters)
    const described = rows?.count ? rows.statement(0) : withNulls(template)
    const { schema } = await this.#checkout.withLease(query, ctx, 'always', (flight) => flight.query(described))
    const parameterSchema = encodeSchema({
      name: '',
      format: '+s',
      nullable: false,
      metadata: [],
      children: template.placeholders.map((_, i) => ({
        name: String(i + 1),
        format: 'u',
        nullable: true,
        metadata: [],
        children: [],
      })),
    })
    return { kind, query, schema, parameterSchema }
  }

  /**
   * Runs the statement once for each row of parameters, in order. It plans all of them before the first runs.
   * @throws GatewayError
   */
  async run(query: Query, parameters: Uint8Array, isUpdate: boolean, ctx: Context): Promise<Result> {
    const template = await templateOf(query, ctx)
    const rows = inlineParameters(template, parameters)
    const result = await this.#checkout.withLease(
      query,
      ctx,
      isUpdate ? 'notProcessed' : 'always',
      async (flight, lease) => {
        const endpoints: UpstreamEndpoint[] = []
        for (let row = 0; row < rows.count; row++)
          endpoints.push(...(await flight.query(rows.statement(row))).endpoints)
        if (endpoints.length > 0) return await this.#results.relay(lease, endpoints, ctx, query.session)
        const { schema } = await flight.query(rows.count > 0 ? rows.statement(0) : withNulls(template))
        return emptyResult(schema.byteLength > 0 ? schema : noColumns)
      },
    )
    return isUpdate ? await countedResult(result, rows.count) : result
  }
}

async function templateOf({ sql }: Query, ctx: Context): Promise<Template> {
  const { placeholders } = await readStatement(sql, ctx)
  return { sql, placeholders }
}
