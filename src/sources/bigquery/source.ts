import type { Capabilities } from '../../query/capabilities.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Health, Logger, Plan, PlannedSql, Query, Result } from '../../query/types.ts'
import { bigQueryCapabilities } from './catalog/capabilities.ts'
import { BigQueryCatalog } from './catalog/catalog.ts'
import { BigQueryCost } from './cost.ts'
import { bigQueryError } from './errors.ts'
import { Aftercare } from './jobs/aftercare.ts'
import type { JobDependencies } from './jobs/job-dependencies.ts'
import { Jobs } from './jobs/jobs.ts'
import { ShortQueries } from './jobs/short-queries.ts'
import { Statements } from './jobs/statements.ts'
import type { BigQueryObserver } from './metrics.ts'
import { planByDryRun } from './plan/planner.ts'
import { Routines } from './plan/routines.ts'
import { RestClient, segments } from './rest/rest-client.ts'
import { Results } from './results/results.ts'
import type { BigQueryConfig } from './settings.ts'
import { openStorageClient } from './storage/open-storage-client.ts'
import type { StorageClient } from './storage/storage-client.ts'

/** Dependencies of a source. */
export interface BigQueryDependencies {
  readonly log: Logger
  readonly observer: BigQueryObserver
}

/** BigQuery: plans by dry runs, runs statements as jobs, and returns their results as Arrow. */
export class BigQuerySource implements Source {
  readonly name: string
  readonly kind = 'bigquery'
  readonly dialect = 'bigquery'
  readonly tellsTables = true
  readonly writes: boolean
  readonly catalog: BigQueryCatalog
  readonly cost: BigQueryCost
  readonly #rest: RestClient
  readonly #aftercare: Aftercare
  readonly #deps: JobDependencies
  readonly #routines: Routines
  readonly #statements: Statements
  readonly #storage: StorageClient

  /** It asks for credentials with the first call, so that it opens even while Google does not answer. */
  constructor(name: string, config: BigQueryConfig, { log, observer }: BigQueryDependencies) {
    this.name = name
    this.writes = config.writes
    this.#rest = new RestClient(config, observer)
    this.#deps = { source: name, config, rest: this.#rest, observer, log }
    this.#routines = new Routines(this.#rest)
    this.#aftercare = new Aftercare(this.#deps)
    this.#storage = openStorageClient(name, config, this.#rest)
    const jobs = new Jobs(this.#deps, this.#aftercare)
    this.#statements = new Statements(this.#deps, {
      jobs,
      shortQueries: new ShortQueries(this.#deps, jobs, this.#aftercare),
      results: new Results(this.#deps, jobs, this.#aftercare, this.#storage),
    })
    this.catalog = new BigQueryCatalog(config, (path, query, ctx) =>
      this.#asked(() =>
        this.#rest.request({ method: 'GET', path: `projects/${path}`, query, repeatable: true }, ctx.signal),
      ),
    )
    this.cost = new BigQueryCost(name, config, this.#rest, this.#aftercare)
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    return await planByDryRun(query, ctx, { ...this.#deps, routines: this.#routines })
  }

  /** As it is: it holds nothing of one run. */
  reusablePlan(plan: Plan): Plan {
    return plan
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    if (plan.kind === 'update' && !this.writes)
      throw new GatewayError(
        'READ_ONLY',
        `The source ${this.name} is read-only: set sources.${this.name}.writes: true to allow it.`,
      )
    const result = await this.#asked(() => this.#statements.run(plan, ctx))
    // It may have changed datasets, tables or routines.
    if (plan.kind === 'update') {
      this.catalog.forget()
      this.#routines.forget()
    }
    return result
  }

  async capabilities(): Promise<Capabilities> {
    return bigQueryCapabilities
  }

  async health(ctx: Context): Promise<Health> {
    try {
      // Free, and asks for the credentials.
      const path = `projects/${segments(this.#rest.project)}/datasets`
      await this.#rest.request({ method: 'GET', path, query: { maxResults: 1 }, repeatable: true }, ctx.signal)
      return { ok: true, detail: `BigQuery answers for the project ${this.#rest.project}.` }
    } catch (error) {
      return { ok: false, detail: (error as Error).message }
    }
  }

  async close(): Promise<void> {
    await this.#aftercare.close()
    this.#storage.close()
  }

  async #asked<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw bigQueryError(error, this.name)
    }
  }
}
