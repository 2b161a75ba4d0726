import { encodeSchema } from '../../../arrow/schema.ts'
import type { Context, Plan, Query } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import { jobConfiguration } from '../jobs/job-configuration.ts'
import type { JobDependencies } from '../jobs/job-dependencies.ts'
import { noColumns } from '../results/no-columns.ts'
import { typesDigest } from '../results/result-schema.ts'
import { readStatementText } from '../text/statement-text.ts'
import { arrowSchemaOf } from '../types/arrow-schema.ts'
import { dryRun, parameterField } from './dry-run.ts'
import { estimateOf } from './estimate-of.ts'
import { encodeHandle } from './plan-handle.ts'

/** Plans a statement by a dry run, which is free and tells its schema, kind, parameters and bytes. @throws GatewayError */
export async function planByDryRun(query: Query, ctx: Context, deps: JobDependencies): Promise<Plan> {
  const { rest, config, source, observer } = deps
  const text = await readStatementText(query.sql)
  const statement = { query, parameterMode: text.parameters }
  const found = await dryRun(rest, jobConfiguration(source, config, statement, ctx), config.location, ctx.signal).catch(
    (error: unknown) => {
      throw bigQueryError(error, source)
    },
  )
  observer.onDryRun()
  const { statementType, location, undeclaredParameters } = found
  const kind = changes(statementType, text.onlyReads) ? 'update' : 'read'
  const returnsRows = kind === 'read' || statementType === 'SCRIPT'
  const schema = returnsRows ? arrowSchemaOf(found.schema.fields ?? []) : undefined
  const estimate = estimateOf(found, text, config.reservation)
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
    }),
    ...(kind === 'update' && returnsRows && { mayReturnRows: true }),
    ...(undeclaredParameters.length > 0 && {
      parameterSchema: encodeSchema({
        name: '',
        format: '+s',
        nullable: false,
        metadata: [],
        children: undeclaredParameters.map((each, i) => ({
          ...parameterField(each),
          name: each.name ?? String(i + 1),
        })),
      }),
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
