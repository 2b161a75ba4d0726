import type { Context, Query } from '../../../query/types.ts'
import type { QueryParameter } from '../parameters/query-parameter.ts'
import type { BigQueryConfig } from '../settings.ts'
import type { StatementText } from '../text/statement-text.ts'
import { jobLabels } from './labels.ts'

/** Most bytes that a statement may bill where neither a budget nor `limits.maxBytesPerQuery` says: 1 TiB. */
const DEFAULT_MAX_BILLED_BYTES = 2 ** 40

/** A statement with what its job needs to know. */
export interface JobStatement {
  readonly query: Query
  readonly parameterMode: StatementText['parameters']
  /** Values of the parameters as the REST API has them; absent if the statement has none, or they are not bound yet. */
  readonly parameters?: readonly QueryParameter[] | undefined
  /** Most bytes that the job may bill; absent for dry runs, which bill nothing. */
  readonly maxBilledBytes?: number | undefined
}

/** The members that `jobs.query` and `configuration.query` of a job share. */
export function queryMembers(statement: JobStatement, config: BigQueryConfig): object {
  const { query, parameterMode, parameters, maxBilledBytes } = statement
  const dataset = defaultDataset(query, config)
  return {
    query: query.sql,
    // The API's own default is legacy SQL.
    useLegacySql: false,
    useQueryCache: config.useQueryCache && query.session.cache !== false,
    ...(dataset && { defaultDataset: dataset }),
    ...(parameterMode && { parameterMode }),
    ...(parameters && { queryParameters: parameters }),
    ...(maxBilledBytes !== undefined && { maximumBytesBilled: String(Math.floor(maxBilledBytes)) }),
  }
}

/** The members that `jobs.query` has at its top and a job in its `configuration`. */
export function jobMembers(source: string, config: BigQueryConfig, query: Query, ctx: Context): object {
  const { reservation, maxSlots } = config
  return {
    labels: jobLabels(source, config, query, ctx),
    ...(reservation !== undefined && { reservation }),
    ...(maxSlots !== undefined && { maxSlots }),
  }
}

/** `configuration` of a job. */
export function jobConfiguration(
  source: string,
  config: BigQueryConfig,
  statement: JobStatement,
  ctx: Context,
): object {
  return { ...jobMembers(source, config, statement.query, ctx), query: queryMembers(statement, config) }
}

/** Most bytes that a statement may bill: what its budget reserved, else the limit of the source, else 1 TiB. */
export function maxBilledBytes(config: BigQueryConfig, ctx: Context): number {
  return ctx.charge?.maxBilledBytes ?? config.limits.maxBytesPerQuery ?? DEFAULT_MAX_BILLED_BYTES
}

/** Dataset of names without one: that of the session, else that of the settings. */
function defaultDataset(
  { session: { catalog, schema }, source }: Query,
  { defaultDataset: configured, projectId }: BigQueryConfig,
): { projectId: string; datasetId: string } | undefined {
  // A session may have chosen the source by its name instead of a project.
  const project = catalog === undefined || catalog.toLowerCase() === source.toLowerCase() ? projectId : catalog
  const name = schema ?? configured
  if (name === undefined) return undefined
  const dot = name.lastIndexOf('.')
  return dot < 0
    ? { projectId: project, datasetId: name }
    : { projectId: name.slice(0, dot), datasetId: name.slice(dot + 1) }
}
