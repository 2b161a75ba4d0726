import { randomUUID } from 'node:crypto'
import type { ApiError } from '../api-error.ts'
import type { FieldSchema } from '../schema.ts'
import type { QueryParameter } from '../sql/context.ts'
import type { DmlStats } from '../sql/dml.ts'
import type { FakeTable } from '../table.ts'

/** `configuration.query` of a job, as far as the stand-in reads it. */
export interface QueryConfiguration {
  readonly query: string
  readonly useLegacySql?: boolean
  readonly defaultDataset?: { readonly projectId?: string; readonly datasetId: string }
  readonly destinationTable?: { readonly projectId: string; readonly datasetId: string; readonly tableId: string }
  readonly writeDisposition?: string
  readonly maximumBytesBilled?: string
  readonly useQueryCache?: boolean
  readonly queryParameters?: readonly QueryParameter[]
  readonly parameterMode?: string
  readonly [other: string]: unknown
}

/** `configuration` of a job. */
export interface JobConfiguration {
  readonly query: QueryConfiguration
  readonly labels?: Readonly<Record<string, string>>
  readonly dryRun?: boolean
  readonly jobTimeoutMs?: string
  readonly reservation?: string
  readonly [other: string]: unknown
}

/** A job of the stand-in, with what it did and billed. */
export class FakeJob {
  readonly id: string
  readonly project: string
  location: string
  readonly configuration: JobConfiguration
  readonly parent: FakeJob | undefined
  readonly children: FakeJob[] = []
  readonly createdAt: number
  startedAt: number | undefined
  endedAt: number | undefined
  error: ApiError | undefined
  statementType: string | undefined
  bytesProcessed = 0
  bytesBilled = 0
  slotMs = 0
  cacheHit = false
  schema: readonly FieldSchema[] | undefined
  /** Table that holds the result. */
  result: FakeTable | undefined
  referenced: readonly FakeTable[] = []
  dml: DmlStats | undefined
  ddl: { readonly operation: string; readonly target: readonly string[] } | undefined
  /** Further fields of `statistics.query`. */
  statistics: Readonly<Record<string, unknown>> | undefined
  /** By jobs.query in its short form: no jobReference in the answer. */
  queryId: string | undefined
  readonly canceled = new AbortController()
  readonly #done = Promise.withResolvers<void>()

  constructor(
    project: string,
    location: string,
    configuration: JobConfiguration,
    options: { readonly id?: string | undefined; readonly parent?: FakeJob | undefined },
  ) {
    this.project = project
    this.location = location
    this.configuration = configuration
    this.id = options.id ?? `job_${randomUUID().replaceAll('-', '').slice(0, 27)}`
    this.parent = options.parent
    this.createdAt = Date.now()
    options.parent?.children.push(this)
  }

  get state(): 'PENDING' | 'RUNNING' | 'DONE' {
    if (this.endedAt !== undefined) return 'DONE'
    return this.startedAt === undefined ? 'PENDING' : 'RUNNING'
  }

  /** Resolves when the job is done; it never rejects. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  end(error?: ApiError): void {
    this.error = error
    this.startedAt ??= Date.now()
    this.endedAt = Date.now()
    this.#done.resolve()
  }
}
