import type { Context, Query } from '../../../query/types.ts'
import { jobConfiguration } from '../jobs/job-configuration.ts'
import type { JobDependencies } from '../jobs/job-dependencies.ts'
import { placeholdersOf } from '../parameters/placeholders.ts'
import type { QueryParameter } from '../parameters/query-parameter.ts'
import { type BoundParameters, readParameters } from '../parameters/read-parameters.ts'
import type { UndeclaredParameter } from '../rest/api.ts'
import { RestFailure } from '../rest/rest-failure.ts'
import type { StatementText } from '../text/statement-text.ts'
import { type DryRun, dryRun } from './dry-run.ts'

/** A dry run, and how the statement runs. */
export interface StatementDryRun {
  readonly found: DryRun
  /** Types that the statement expects of its parameters; empty if they are those of the bound values. */
  readonly parameterTypes: readonly UndeclaredParameter[]
  /** How often the statement runs: once, or once for each bound row. */
  readonly runs: number
}

/**
 * Checks a statement by a dry run with the first row of its parameters, if they are bound: their values may decide which partitions
 * it reads. If BigQuery refuses their types, a dry run without parameters tells those that it expects.
 * @throws GatewayError as `readParameters`; as `dryRun`
 */
export async function dryRunOf(
  query: Query,
  { parameters: parameterMode }: StatementText,
  ctx: Context,
  { rest, config, source, observer }: JobDependencies,
): Promise<StatementDryRun> {
  const check = async (parameters?: readonly QueryParameter[]) => {
    observer.onDryRun()
    const configuration = jobConfiguration(source, config, { query, parameterMode, parameters }, ctx)
    return await dryRun(rest, configuration, config.location, ctx)
  }
  const stream = parameterMode && query.parameters
  if (!stream) {
    const found = await check()
    return { found, parameterTypes: found.undeclaredParameters, runs: 1 }
  }
  const placeholders = await placeholdersOf(query.sql)
  const bound = readParameters(stream, placeholders)
  try {
    return { found: await check(await firstRow(bound)), parameterTypes: [], runs: bound.count }
  } catch (error) {
    if (!(error instanceof RestFailure && error.reason === 'invalidQuery')) throw error
    const { undeclaredParameters } = await check().catch(() => {
      throw error
    })
    if (undeclaredParameters.length === 0) throw error
    const found = await check(await firstRow(readParameters(stream, placeholders, undeclaredParameters)))
    return { found, parameterTypes: undeclaredParameters, runs: bound.count }
  }
}

/** The first row, or typed NULLs if there is none. */
async function firstRow(bound: BoundParameters): Promise<readonly QueryParameter[]> {
  for await (const row of bound.rows()) return row
  return bound.nulls()
}
