import { encodeSchema } from '../../../arrow/schema.ts'
import type { Context, Plan, Query } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import type { JobDependencies } from '../jobs/job-dependencies.ts'
import { inTextOrder, parameterSchemaOf } from '../parameters/parameter-schema.ts'
import { placeholdersOf } from '../parameters/placeholders.ts'
import { noColumns } from '../results/no-columns.ts'
import { typesDigest } from '../results/result-schema.ts'
import { readStatementText } from '../text/statement-text.ts'
import { arrowSchemaOf } from '../types/arrow-schema.ts'
import { dryRunOf } from './dry-run-of.ts'
import { estimateOf } from './estimate-of.ts'
import { encodeHandle } from './plan-handle.ts'
import type { Routines } from './routines.ts'

/** What planning depends on. */
export interface PlanDependencies extends JobDependencies {
  readonly routines: Routines
}

/** Plans a statement by a dry run, which is free and tells its schema, kind, parameters and bytes. @throws GatewayError */
export async function planByDryRun(query: Query, ctx: Context, deps: PlanDependencies): Promise<Plan> {
  const { config, source } = deps
  const text = await readStatementText(query.sql)
  const { found, parameterTypes, runs } = await dryRunOf(query, text, ctx, deps).catch((error: unknown) => {
    throw bigQueryError(error, source)
  })
  const { statementType, location, undeclaredParameters: undeclared } = found
  const undeclaredParameters =
    undeclared.length > 1 ? inTextOrder(undeclared, (await placeholdersOf(query.sql)).names) : undeclared
  const kind = changes(statementType, text.onlyReads) ? 'update' : 'read'
  const returnsRows = kind === 'read' || statementType === 'SCRIPT'
  const schema = returnsRows ? arrowSchemaOf(found.schema.fields ?? []) : undefined
  const referenced = found.job.statistics?.query?.referencedRoutines ?? []
  const routines = await deps.routines.costly(referenced, ctx.signal)
  const estimate = estimateOf(found, text, { reservation: config.reservation, routines, runs })
  const isBounded = estimate.accuracy !== 'unknown' && estimate.accuracy !== 'lower_bound'
  return {
    kind,
    query,
    schema: schema ? encodeSchema(schema) : noColumns,
    handle: encodeHandle({
      location,
      statementType,
      maxBytes: isBounded ? estimate.bytes : undefined,
      announced: kind === 'read' && schema && statementType !== 'SCRIPT' ? typesDigest(schema) : undefined,
      parameterTypes: parameterTypes.length > 0 ? parameterTypes : undefined,
    }),
    ...(kind === 'update' && returnsRows && { mayReturnRows: true }),
    ...(undeclaredParameters.length > 0 && {
      parameterSchema: encodeSchema(parameterSchemaOf(undeclaredParameters)),
    }),
    ...(text.parameters === undefined && { hasNoParameters: true }),
    estimate,
  }
}

/** Whether a statement may change something. A server that does not tell the kind leaves it to the words of the text. */
function changes(statementType: string, onlyReads: boolean): boolean {
  if (statementType === 'SCRIPT' || statementType === '') return !onlyReads
  return statementType !== 'SELECT'
}
