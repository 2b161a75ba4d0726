import { LRUCache } from 'lru-cache'
import type { Bill, JobReference } from '../../query/billing/charge.ts'
import type { BilledJob, SourceCost, TableFacts } from '../../query/billing/source-cost.ts'
import type { Context } from '../../query/types.ts'
import { bigQueryError } from './errors.ts'
import type { Aftercare } from './jobs/aftercare.ts'
import { billOf } from './jobs/bill-of.ts'
import { CHARGE_LABEL } from './jobs/labels.ts'
import type { FieldResource, JobResource } from './rest/api.ts'
import { type RestClient, segments } from './rest/rest-client.ts'
import { RestFailure } from './rest/rest-failure.ts'
import { wholeNumberOf } from './rest/whole-number.ts'
import type { BigQueryConfig } from './settings.ts'

/** How long facts of a table are fresh, in milliseconds. */
const FRESH_MS = 60_000
const MAX_TABLES = 1000
const PAGE_JOBS = 500
/** Longest time that a query may run, https://cloud.google.com/bigquery/quotas#query_jobs. */
const MAX_JOB_MS = 6 * 3_600_000

/** Table resource, https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table. */
interface TableJson {
  readonly type?: string
  readonly schema?: { readonly fields?: readonly FieldResource[] }
  readonly numBytes?: string
  readonly numRows?: string
  readonly timePartitioning?: { readonly field?: string; readonly requirePartitionFilter?: boolean }
  readonly rangePartitioning?: { readonly field?: string }
  readonly clustering?: { readonly fields?: readonly string[] }
  readonly requirePartitionFilter?: boolean
}

interface JobList {
  readonly jobs?: readonly (JobResource & { readonly errorResult?: object; readonly state?: string })[]
  readonly nextPageToken?: string
}

/** What BigQuery tells of tables and bills, by calls that are free. */
export class BigQueryCost implements SourceCost {
  readonly dialect = 'bigquery'
  readonly #source: string
  readonly #config: BigQueryConfig
  readonly #rest: RestClient
  readonly #aftercare: Aftercare
  readonly #tables = new LRUCache<string, { readonly facts: TableFacts | undefined }>({
    max: MAX_TABLES,
    ttl: FRESH_MS,
  })

  constructor(source: string, config: BigQueryConfig, rest: RestClient, aftercare: Aftercare) {
    this.#source = source
    this.#config = config
    this.#rest = rest
    this.#aftercare = aftercare
  }

  async tableFacts(name: readonly string[], ctx: Context): Promise<TableFacts | undefined> {
    const path = this.#pathOf(name)
    if (path === undefined) return undefined
    const known = this.#tables.get(path)
    if (known) return known.facts
    const facts = await this.#asked(async () => {
      try {
        return factsOf(await this.#rest.request<TableJson>({ method: 'GET', path, repeatable: true }, ctx.signal))
      } catch (error) {
        // 403 is also the answer for a dataset that does not exist.
        if (error instanceof RestFailure && (error.status === 404 || error.status === 403)) return undefined
        throw error
      }
    })
    this.#tables.set(path, { facts })
    return facts
  }

  async billOf(job: JobReference, ctx: Context): Promise<Bill | undefined> {
    return await this.#asked(async () => {
      const found = await this.#aftercare.get(job, ctx.signal)
      return found && billOf(found)
    })
  }

  /** Jobs of all users, where the login may list them (`bigquery.jobs.listAll`), else its own, which are those of the gateway. */
  async *jobsSince(since: number, ctx: Context): AsyncGenerator<BilledJob, void, undefined> {
    let pageToken: string | undefined
    let allUsers = true
    for (;;) {
      let page: JobList
      try {
        page = await this.#jobPage(since, { allUsers, pageToken }, ctx.signal)
      } catch (error) {
        const isRefused = error instanceof RestFailure && error.status === 403
        if (!isRefused || !allUsers || pageToken !== undefined) throw bigQueryError(error, this.#source)
        allUsers = false
        continue
      }
      for (const job of page.jobs ?? []) {
        const billed = billedJob(job)
        if (billed && billed.endedAt >= since) yield billed
      }
      // A server that repeats its token would never end.
      if (!page.nextPageToken || page.nextPageToken === pageToken) return
      pageToken = page.nextPageToken
    }
  }

  async #jobPage(
    since: number,
    { allUsers, pageToken }: { readonly allUsers: boolean; readonly pageToken: string | undefined },
    signal: AbortSignal,
  ): Promise<JobList> {
    const query = {
      allUsers,
      projection: 'full',
      stateFilter: 'done',
      maxResults: PAGE_JOBS,
      // By creation: a job that ended since may have begun up to 6 hours earlier, the limit of a query.
      minCreationTime: since - MAX_JOB_MS,
      pageToken,
    }
    const path = `projects/${segments(this.#rest.project)}/jobs`
    return await this.#rest.request<JobList>({ method: 'GET', path, query, repeatable: true }, signal)
  }

  #pathOf(name: readonly string[]): string | undefined {
    const parts = name.flatMap((part) => part.split('.'))
    const table = parts.at(-1)
    const [defaultProject, defaultDataset] = this.#defaults()
    const dataset = parts.at(-2) ?? defaultDataset
    const project = parts.length > 2 ? parts.slice(0, -2).join('.') : defaultProject
    if (!table || !dataset || !project) return undefined
    return `projects/${segments(project)}/datasets/${segments(dataset)}/tables/${segments(table)}`
  }

  #defaults(): readonly [project: string, dataset: string | undefined] {
    const { projectId, defaultDataset } = this.#config
    const dot = defaultDataset?.lastIndexOf('.') ?? -1
    return defaultDataset === undefined || dot < 0
      ? [projectId, defaultDataset]
      : [defaultDataset.slice(0, dot), defaultDataset.slice(dot + 1)]
  }

  async #asked<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw bigQueryError(error, this.#source)
    }
  }
}

function billedJob(job: JobResource): BilledJob | undefined {
  const { projectId, location, jobId } = job.jobReference ?? {}
  const bill = billOf(job)
  const endedAt = Number(job.statistics?.endTime)
  if (!bill || projectId === undefined || jobId === undefined || !(endedAt > 0)) return undefined
  // The statements of a script: the script's own job has their sum.
  if (job.statistics?.parentJobId !== undefined || job.configuration?.dryRun) return undefined
  const chargeId = job.configuration?.labels?.[CHARGE_LABEL]
  return {
    project: projectId,
    location: location ?? '',
    jobId,
    bill,
    endedAt,
    ...(chargeId !== undefined && { chargeId }),
  }
}

function factsOf(table: TableJson): TableFacts {
  const { schema, numBytes, numRows, timePartitioning, rangePartitioning, clustering, type = 'TABLE' } = table
  const columns = (schema?.fields ?? []).map((field) => ({ name: field.name, type: field.type }))
  const column =
    rangePartitioning?.field ?? (timePartitioning ? (timePartitioning.field ?? '_PARTITIONTIME') : undefined)
  const [bytes, rows] = [wholeNumberOf(numBytes), wholeNumberOf(numRows)]
  const columnType = columns.find(({ name }) => name === column)?.type
  const requires = table.requirePartitionFilter ?? timePartitioning?.requirePartitionFilter
  return {
    columns,
    kind: type,
    ...(bytes !== undefined && { bytes }),
    ...(rows !== undefined && { rows }),
    ...(column !== undefined && {
      partitionColumn: column,
      partitionType: rangePartitioning ? 'INT64' : (columnType ?? 'TIMESTAMP'),
    }),
    ...(clustering?.fields && { clusterColumns: clustering.fields }),
    ...(requires !== undefined && { requiresPartitionFilter: requires }),
  }
}
