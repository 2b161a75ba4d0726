import type { SqlInfoValue } from '../../query/capabilities.ts'
import { deriveContext } from '../../query/derive-context.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Estimate } from '../../query/estimate.ts'
import type { Pipeline } from '../../query/pipeline.ts'
import { holding } from '../../query/results/holding.ts'
import type { Router } from '../../query/router.ts'
import type { Source } from '../../query/source.ts'
import type { StatementTrace } from '../../query/statement-trace.ts'
import { faultOfCondition } from '../../query/text/condition.ts'
import { readUse } from '../../query/text/use-names.ts'
import type { Context, Plan, Query, Result } from '../../query/types.ts'
import { withCallOptions } from '../call-options.ts'
import { checkMayRun } from '../option-headers.ts'
import type { CallScope, QueryBuilder } from '../query-builder.ts'
import { checkParameters } from './check-parameters.ts'
import { checkParameterCount } from './parameter-count.ts'
import { StatementMeter, type StatementMetrics } from './statement-meter.ts'
import type { ParameterEncoder, StatementRequest, TableScan } from './statement-request.ts'
import { isBlank, routingText, STANDARD_QUOTE, scanText } from './table-scan.ts'

/** SqlInfo code of what quotes identifiers. Source: FlightSql.proto, SQL_IDENTIFIER_QUOTE_CHAR. */
const IDENTIFIER_QUOTE = 504

/** Dependencies of `StatementRequests`. */
export interface StatementRequestDependencies {
  readonly pipeline: Pipeline
  readonly router: Router
  readonly queries: QueryBuilder
  readonly limits: { readonly maxParameterBytes: number }
}

/** A statement whose result can be read. */
export interface StartedStatement {
  /** Name of the source. */
  readonly source: string
  readonly plan: Plan
  /** Read its frames to the end, or end their iterator; abort the call's signal first if the client has left. */
  readonly result: Result
  /** Id of the statement among the active ones; undefined if the gateway does not list it. */
  queryId(): string | undefined
  /** What the stages tell of the statement. */
  readonly trace: StatementTrace
  /** What the statement has taken so far, or until its end. */
  metrics(): StatementMetrics
}

/** The estimate of a statement. */
export interface SourceEstimate {
  /** Name of the source. */
  readonly source: string
  readonly estimate: Estimate
  /** Flatbuffer `Message` with the schema of the result; empty if it is not known. */
  readonly schema: Uint8Array
}

/** Runs and estimates statements that come as requests: an SQL text or the scan of a table, with a named source. */
export class StatementRequests {
  readonly #deps: StatementRequestDependencies

  constructor(deps: StatementRequestDependencies) {
    this.#deps = deps
  }

  /**
   * Builds the query of a request. The request's source wins over that of the call.
   * @throws GatewayError as `QueryBuilder.ofStatement`; BAD_SQL for USE; BAD_REQUEST for a scan that cannot be written; as
   *   `checkParameters`; for parameters that are yet to be encoded, as planning and the encoder
   */
  async queryOf(request: StatementRequest, scope: CallScope): Promise<Query> {
    const { text, parameters, dataSource, readOnly } = request
    if (typeof parameters === 'object') await this.#check(parameters)
    const namedSource = dataSource === undefined || dataSource === '' ? scope.namedSource : dataSource
    const own = { ...scope, namedSource }
    const built = 'query' in text ? await this.#ofText(text.query, own) : await this.#ofScan(text.table, own)
    const session = withCallOptions(built.session, request)
    const query: Query = readOnly ? { ...built, session, purpose: 'read' } : { ...built, session }
    const bytes = typeof parameters === 'function' ? await this.#encode(parameters, query, scope.ctx) : parameters
    return bytes && bytes.byteLength > 0 ? { ...query, parameters: bytes } : query
  }

  async #encode(encode: ParameterEncoder, query: Query, ctx: Context): Promise<Uint8Array> {
    const { parameterSchema } = await this.#deps.pipeline.plan({ ...query, describe: true }, ctx)
    const bytes = encode(parameterSchema)
    await this.#check(bytes)
    return bytes
  }

  async #check(parameters: Uint8Array): Promise<void> {
    if (parameters.byteLength > 0) await checkParameters(parameters, this.#deps.limits.maxParameterBytes)
  }

  /**
   * Plans a statement to run it with its parameters.
   * @throws GatewayError BAD_REQUEST if it has another number of parameters than the query; as the pipeline
   */
  async plan(query: Query, ctx: Context): Promise<Plan> {
    const plan = await this.#deps.pipeline.plan(query, ctx)
    checkParameterCount(plan)
    return plan
  }

  /**
   * Plans and runs a statement. Its time counts from here.
   * @throws GatewayError as `queryOf`, `plan` and the pipeline; BAD_REQUEST for a call that wants only an estimate
   */
  async start(request: StatementRequest, scope: CallScope): Promise<StartedStatement> {
    checkMayRun(scope.ctx)
    const meter = new StatementMeter()
    const ctx = deriveContext(scope.ctx, { trace: meter.trace })
    const plan = await meter.plan(async () => {
      const query = await this.queryOf(request, scope)
      meter.source = query.source
      return await this.plan(query, ctx)
    })
    return await this.run(plan, meter, ctx)
  }

  /**
   * Runs a planned statement.
   * @param ctx has the meter's trace
   * @throws GatewayError as the pipeline
   */
  async run(plan: Plan, meter: StatementMeter, ctx: Context): Promise<StartedStatement> {
    const result = await holding(() => this.#deps.pipeline.run(plan, ctx), meter)
    const { source } = plan.query
    const { trace } = meter
    return { source, plan, result, trace, queryId: () => trace.queryId, metrics: () => meter.metrics() }
  }

  /** Plans a statement for its estimate; `unknown` if the source tells nothing. @throws GatewayError as `queryOf`, the pipeline */
  async estimate(request: StatementRequest, scope: CallScope): Promise<SourceEstimate> {
    const query = await this.queryOf(request, scope)
    const { estimate, schema } = await this.#deps.pipeline.plan({ ...query, estimate: true }, scope.ctx)
    return { source: query.source, estimate: estimate ?? { accuracy: 'unknown' }, schema }
  }

  async #ofText(sql: string, scope: CallScope): Promise<Query> {
    const query = await this.#deps.queries.ofStatement(scope, sql)
    if (readUse(sql))
      throw new GatewayError(
        'BAD_SQL',
        'USE needs a session, and this call has none: name the source of each statement in data_source, and qualify its names.',
      )
    return query
  }

  /** A scan never changes data, whatever its filter contains. */
  async #ofScan(scan: TableScan, scope: CallScope): Promise<Query> {
    const { queries, router } = this.#deps
    const names = routingText(scan.name)
    queries.checkSize(scan.filter === undefined ? names : names + scan.filter)
    const query = await queries.build(scope, { sql: names, purpose: 'read' }, (home) =>
      router.names.ofStatement(names, home, scope.ctx),
    )
    const quote = await quoteOf(router.named(query.source), scope.ctx)
    const sql = scanText(scan, quote)
    queries.checkSize(sql)
    if (!isBlank(scan.filter)) {
      const fault = await faultOfCondition(scan.filter!, scope.ctx, quote)
      if (fault !== undefined)
        throw new GatewayError('BAD_REQUEST', `The filter ${fault}: change it, or send the statement as query.`)
    }
    return { ...query, sql }
  }
}

/** Returns what the dialect of a source quotes identifiers with. If the source does not tell, that of the standard. */
async function quoteOf(source: Source, ctx: Context): Promise<string> {
  let quote: SqlInfoValue | undefined
  try {
    quote = (await source.capabilities?.(ctx))?.sql.get(IDENTIFIER_QUOTE)
  } catch {
    ctx.signal.throwIfAborted()
  }
  return typeof quote === 'string' ? quote : STANDARD_QUOTE
}
