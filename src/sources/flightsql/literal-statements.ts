import { encodeSchema } from '../../arrow/schema.ts'
import type { Context, Plan, Query, Result } from '../../query/types.ts'
import { countedResult } from './counted-result.ts'
import type { UpstreamEndpoint } from './flight.ts'
import type { Lending } from './lending.ts'
import { placeholders, withLiterals, withNulls } from './literals.ts'
import { noColumns } from './no-columns.ts'
import { emptyResult, type Results } from './results.ts'

/** Statements for an upstream that binds nothing: their parameters are written into them. */
export class LiteralStatements {
  readonly #lending: Lending
  readonly #results: Results

  constructor(lending: Lending, results: Results) {
    this.#lending = lending
    this.#results = results
  }

  /** The first row of parameters, or NULLs, tell the schema. @throws GatewayError */
  async plan(query: Query, isUpdate: boolean, ctx: Context): Promise<Plan> {
    const [first] = query.parameters ? withLiterals(query.sql, query.parameters) : []
    const { schema } = await this.#lending.ask(query, ctx, (flight) => flight.query(first ?? withNulls(query.sql)))
    const parameterSchema = encodeSchema({
      name: '',
      format: '+s',
      nullable: false,
      metadata: [],
      children: placeholders(query.sql).map((_, i) => ({
        name: String(i + 1),
        format: 'u',
        nullable: true,
        metadata: [],
        children: [],
      })),
    })
    return { query, isUpdate, schema, parameterSchema }
  }

  /**
   * Runs the statement once for each row of parameters, one after another; all are planned before the first runs.
   * @throws GatewayError
   */
  async run(query: Query, parameters: Uint8Array, isUpdate: boolean, ctx: Context): Promise<Result> {
    const statements = withLiterals(query.sql, parameters)
    const result = await this.#lending.lend(query, ctx, isUpdate ? 'untouched' : 'always', async (flight, lease) => {
      const endpoints: UpstreamEndpoint[] = []
      for (const sql of statements) endpoints.push(...(await flight.query(sql)).endpoints)
      if (endpoints.length > 0) return await this.#results.relay(lease, endpoints, ctx, query.session)
      const { schema } = await flight.query(statements[0] ?? withNulls(query.sql))
      lease.release('done')
      return emptyResult(schema.byteLength > 0 ? schema : noColumns)
    })
    return isUpdate ? await countedResult(result, statements.length) : result
  }
}
