import { randomUUID } from 'node:crypto'
import type { JobReference } from '../../query/billing/charge.ts'
import type { Context } from '../../query/types.ts'
import type { Finding } from '../kind.ts'
import { Aftercare, type JobAccount } from './jobs/aftercare.ts'
import { Jobs } from './jobs/jobs.ts'
import type { BigQueryObserver } from './metrics.ts'
import { dryRun } from './plan/dry-run.ts'
import { RestClient, segments } from './rest/rest-client.ts'
import { LoginFailure, RestFailure } from './rest/rest-failure.ts'
import type { BigQueryConfig } from './settings.ts'
import { openStorageClient } from './storage/open-storage-client.ts'
import { readTable } from './storage/read-table.ts'
import type { StorageClient } from './storage/storage-client.ts'

/** Least that BigQuery bills for a table: a limit below refuses every statement that reads one. */
const MIN_BILLED_BYTES = 10 << 20

/** The account of a statement that bills nothing. */
const noAccount: JobAccount = { onSubmitted: async () => {}, onBill: () => {} }

const unobserved: BigQueryObserver = {
  onRetry: () => {},
  onDryRun: () => {},
  onJob: () => {},
  onBill: () => {},
  onWaited: () => {},
  onResult: () => {},
  onResume: () => {},
}

interface Clients {
  readonly rest: RestClient
  readonly storage: StorageClient
  readonly aftercare: Aftercare
}

interface Step {
  readonly name: string
  readonly advice: string
  run(): Promise<string>
}

/**
 * Checks a source step by step up to its first failure: credentials, project, dry run, query, storage. All of it is free: the query
 * is SELECT 1, which reads no table.
 */
export async function* diagnoseBigQuery(
  source: string,
  config: BigQueryConfig,
  ctx: Context,
): AsyncGenerator<Finding, void, undefined> {
  const rest = new RestClient(config, unobserved)
  const storage = openStorageClient(source, config, rest)
  const aftercare = new Aftercare({ source, config, rest, observer: unobserved, log: ctx.log })
  const where = config.endpoint ?? config.projectId
  try {
    for (const { name: step, advice, run } of stepsOf(source, config, { rest, storage, aftercare }, ctx)) {
      try {
        yield { where, step, ok: true, detail: await run() }
      } catch (error) {
        const isLogin = error instanceof RestFailure && error.status === 401
        yield { where, step, ok: false, detail: describe(error), advice: isLogin ? loginAdvice(source) : advice }
        return
      }
    }
  } finally {
    await aftercare.close()
    storage.close()
  }
}

function stepsOf(source: string, config: BigQueryConfig, { rest, storage, aftercare }: Clients, ctx: Context): Step[] {
  const { signal } = ctx
  const deps = { source, config, rest, observer: unobserved, log: ctx.log }
  let job: JobReference | undefined
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
        const found = await dryRun(rest, configuration, location, { signal })
        return `${Math.round(performance.now() - startedAt)} ms, in ${found.location ?? 'no known location'}`
      },
    },
    {
      name: 'SELECT 1',
      advice: `Dry runs work, queries fail: check the quotas and the billing of ${projectId}, and ${at}.reservation.`,
      run: async () => {
        const startedAt = performance.now()
        const query = { source, sql: 'SELECT 1', session: {}, purpose: 'read' } as const
        const statement = { query, parameterMode: undefined, maxBilledBytes: MIN_BILLED_BYTES }
        const ended = await new Jobs(deps, aftercare).run(statement, { jobId: randomUUID(), location }, ctx, noAccount)
        job = ended.reference
        return `${Math.round(performance.now() - startedAt)} ms`
      },
    },
    ...(config.storageApi
      ? [
          {
            name: 'storage',
            advice: `Large results will come by REST, which is slower. Grant the role BigQuery Read Session User (roles/bigquery.readSessionUser) in ${projectId}, enable the BigQuery Storage API, and check ${at}.storageEndpoint; or set ${at}.storageApi: false.`,
            run: async () => {
              const found = job && (await aftercare.get(job, signal))
              const table = found?.configuration?.query?.destinationTable
              if (!table) return 'not checked: BigQuery does not tell where it keeps the result'
              const name = { project: table.projectId, dataset: table.datasetId, table: table.tableId }
              const read = await readTable({ table: name, parentProject: projectId, ordered: true }, storage, ctx)
              await read.frames[Symbol.asyncIterator]().return?.()
              return 'the Storage Read API reads results'
            },
          },
        ]
      : []),
  ]
}

function loginAdvice(source: string): string {
  return `Google does not accept the login: it has expired or was revoked. Renew sources.${source}.keyFile or what GOOGLE_APPLICATION_CREDENTIALS names, or run \`gcloud auth application-default login\` again.`
}

function describe(error: unknown): string {
  const { message } = error as Error
  if (error instanceof RestFailure) return `${error.reason ?? error.status}: ${message.split('\n')[0]!.slice(0, 300)}`
  return error instanceof LoginFailure ? `no credentials: ${message}` : message
}
