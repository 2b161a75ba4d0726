import type { Logger } from '../../../query/types.ts'
import type { BigQueryObserver } from '../metrics.ts'
import type { RestClient } from '../rest/rest-client.ts'
import type { BigQueryConfig } from '../settings.ts'

/** What the parts that plan and run statements depend on. */
export interface JobDependencies {
  readonly source: string
  readonly config: BigQueryConfig
  readonly rest: RestClient
  readonly observer: BigQueryObserver
  readonly log: Logger
}
