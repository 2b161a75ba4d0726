import type { Context } from '../../../query/types.ts'
import type { JobResource, SchemaResource, UndeclaredParameter } from '../rest/api.ts'
import { type RestClient, segments } from '../rest/rest-client.ts'

/** What a dry run told of a statement. */
export interface DryRun {
  /** Kind of the statement, such as SELECT, INSERT or SCRIPT; empty if the server does not say. */
  readonly statementType: string
  readonly location: string | undefined
  readonly schema: SchemaResource
  readonly undeclaredParameters: readonly UndeclaredParameter[]
  readonly job: JobResource
}

/**
 * Checks a statement without running it; this is free. By `jobs.insert`, since the dry run of `jobs.query` tells neither the kind
 * of the statement nor how accurate its bytes are.
 * Source: https://cloud.google.com/bigquery/docs/running-queries#dry-run.
 * @param configuration of the job, as `jobConfiguration` makes it
 * @throws as `RestClient.request`
 */
export async function dryRun(
  rest: RestClient,
  configuration: object,
  location: string | undefined,
  { signal, span }: Pick<Context, 'signal' | 'span'>,
): Promise<DryRun> {
  const job = await rest.request<JobResource>(
    {
      method: 'POST',
      path: `projects/${segments(rest.project)}/jobs`,
      repeatable: true,
      span: { parent: span, name: 'jobs.insert (dry run)' },
      body: {
        configuration: { ...configuration, dryRun: true },
        jobReference: { projectId: rest.project, ...(location !== undefined && { location }) },
      },
    },
    signal,
  )
  const { query = {} } = job.statistics ?? {}
  return {
    statementType: query.statementType?.toUpperCase() ?? '',
    location: job.jobReference?.location ?? location,
    schema: query.schema ?? {},
    undeclaredParameters: query.undeclaredQueryParameters ?? [],
    job,
  }
}
