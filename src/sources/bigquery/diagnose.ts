import type { Context } from '../../query/types.ts'
import type { Finding } from '../kind.ts'
import { dryRun } from './plan/dry-run.ts'
import { RestClient, segments } from './rest/rest-client.ts'
import { LoginFailure, RestFailure } from './rest/rest-failure.ts'
import type { BigQueryConfig } from './settings.ts'

interface Step {
  readonly name: string
  readonly advice: string
  run(): Promise<string>
}

/** Checks a source step by step up to its first failure: credentials, project, dry run. All of it is free. */
export async function* diagnoseBigQuery(
  source: string,
  config: BigQueryConfig,
  ctx: Context,
): AsyncGenerator<Finding, void, undefined> {
  const rest = new RestClient(config, { onRetry: () => {} })
  const where = config.endpoint ?? config.projectId
  for (const { name: step, advice, run } of stepsOf(source, config, rest, ctx)) {
    try {
      yield { where, step, ok: true, detail: await run() }
    } catch (error) {
      yield { where, step, ok: false, detail: describe(error), advice }
      return
    }
  }
}

function stepsOf(source: string, config: BigQueryConfig, rest: RestClient, { signal }: Context): Step[] {
  const { projectId, anonymous, keyFile, impersonate, location } = config
  const at = `sources.${source}`
  const login = anonymous
    ? 'without credentials'
    : `with ${keyFile === undefined ? 'the application default credentials' : 'the key file'}${impersonate === undefined ? '' : ` as ${impersonate}`}`
  return [
    {
      name: 'credentials',
      advice: `Set ${at}.keyFile or GOOGLE_APPLICATION_CREDENTIALS, or run \`gcloud auth application-default login\`. To impersonate, the login needs the role Service Account Token Creator.`,
      run: async () => {
        await rest.authorization(signal)
        return login
      },
    },
    {
      name: 'project',
      advice: `Check ${at}.projectId and ${at}.endpoint, that the BigQuery API is enabled in the project, and grant the roles BigQuery Job User and BigQuery Data Viewer.`,
      run: async () => {
        const { datasets = [] } = await rest.request<{ datasets?: readonly object[] }>(
          {
            method: 'GET',
            path: `projects/${segments(projectId)}/datasets`,
            query: { maxResults: 1 },
            repeatable: true,
          },
          signal,
        )
        return datasets.length > 0 ? `${projectId} has datasets` : `${projectId} has no dataset that the login may see`
      },
    },
    {
      name: 'dry run',
      advice: `Grant the role BigQuery Job User (bigquery.jobs.create) in ${projectId}, and check ${at}.location.`,
      run: async () => {
        const startedAt = performance.now()
        const configuration = { query: { query: 'SELECT 1', useLegacySql: false } }
        const found = await dryRun(rest, configuration, location, signal)
        return `${Math.round(performance.now() - startedAt)} ms, in ${found.location ?? 'no known location'}`
      },
    },
  ]
}

function describe(error: unknown): string {
  const { message } = error as Error
  if (error instanceof RestFailure) return `${error.reason ?? error.status}: ${message.split('\n')[0]!.slice(0, 300)}`
  return error instanceof LoginFailure ? `no credentials: ${message}` : message
}
