import { readFrame } from '../../../arrow/ipc/flight-data.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import type { JobReference } from '../../../query/billing/charge.ts'
import type { Context, Result, ResultStats } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import type { Aftercare } from '../jobs/aftercare.ts'
import type { JobDependencies } from '../jobs/job-dependencies.ts'
import type { FinishedJob, Jobs } from '../jobs/jobs.ts'
import type { ResultPath } from '../metrics.ts'
import type { TableReferenceResource } from '../rest/api.ts'
import { RowEncoder } from '../rows/row-encoder.ts'
import type { InlineRows } from '../storage/inline-arrow.ts'
import { readJobStream } from '../storage/read-job-stream.ts'
import { readTable } from '../storage/read-table.ts'
import type { StorageClient } from '../storage/storage-client.ts'
import { StorageRefused } from '../storage/storage-error.ts'
import type { StorageRead } from '../storage/storage-read.ts'
import { arrowSchemaOf } from '../types/arrow-schema.ts'
import { schemaDifference } from '../types/same-schema.ts'
import { affectedRowsOf } from './affected-rows.ts'
import { noColumns } from './no-columns.ts'
import { ResultPages } from './result-pages.ts'
import { checkAnnounced } from './result-schema.ts'

/** Size of the batches that are made of REST rows. */
const BATCH = { batchRows: 65_536, batchBytes: 1 << 20 } as const
/** How long the gateway does not ask for read sessions again after the login was not allowed to create one. */
const REFUSED_MS = 5 * 60_000
const none = new Uint8Array(0)

/** What the result of a job depends on besides its rows. */
export interface ResultFacts {
  readonly statementType: string
  /** Whether the client may count on the order of the rows. */
  readonly isOrdered: boolean
  /** Digest of the announced columns. */
  readonly announced: string | undefined
}

/** The rows of a result, and the way they come. */
interface FoundRows {
  readonly path: ResultPath
  readonly frames: AsyncIterable<readonly Frame[]>
  readonly progress?: () => number
}

/**
 * Results of jobs as Arrow. One page comes from REST. Of a larger result, the Storage Read API sends all rows; where that is refused
 * before the first row, further REST pages do. Both ways have the same schema.
 */
export class Results {
  readonly #deps: JobDependencies
  readonly #jobs: Jobs
  readonly #aftercare: Aftercare
  readonly #storage: StorageClient
  /** Unix milliseconds until which the Storage Read API is not asked. */
  #refusedUntil = 0

  constructor(deps: JobDependencies, jobs: Jobs, aftercare: Aftercare, storage: StorageClient) {
    this.#deps = deps
    this.#jobs = jobs
    this.#aftercare = aftercare
    this.#storage = storage
  }

  /** The result of a job that has ended. @throws GatewayError, RestFailure, LoginFailure, or the signal's reason */
  async of(job: FinishedJob, facts: ResultFacts, ctx: Context): Promise<Result> {
    const { head } = job.page
    const affectedRows = affectedRowsOf(head, facts.statementType)
    const fields = head.schema?.fields ?? []
    const schema = fields.length === 0 && job.arrow ? schemaOf(job.arrow.schema) : arrowSchemaOf(fields)
    if (schema.children.length === 0) return this.changed(affectedRows)
    checkAnnounced(facts.announced, schema)
    const stats: ResultStats = { rows: 0, bytes: 0, affectedRows }
    const { path, frames, ...more } = await this.#rowsOf(job, schema, facts, ctx)
    this.#deps.observer.onResult(path)
    return { schema: frameOf(encodeSchema(schema), none, 0), stats, frames: counted(frames, stats), ...more }
  }

  /** The result of a statement that returns no rows. */
  changed(affectedRows: number): Result {
    const stats = { rows: 0, bytes: 0, affectedRows }
    return { schema: frameOf(noColumns, none, 0), frames: (async function* () {})(), stats }
  }

  async #rowsOf(job: FinishedJob, schema: Field, facts: ResultFacts, ctx: Context): Promise<FoundRows> {
    const { reference, page } = job
    const arrow = fittingArrow(job, schema)
    const isWhole = !page.head.pageToken
    if (isWhole && arrow) return { path: 'inline', frames: inlineFrames(arrow) }
    const isStored = !isWhole && this.#deps.config.storageApi && facts.statementType === 'SELECT'
    if (isStored) {
      const read = (arrow && facts.isOrdered && (await this.#furtherRows(job, arrow, ctx))) || undefined
      const stored = read ?? (await this.#storedRows(reference, schema, facts, ctx))
      if (stored) return { path: 'storage', frames: stored.frames, progress: () => stored.progress() }
    }
    // Of rows in Arrow, REST cannot continue.
    const first = job.arrow ? await this.#jobs.wait(reference, ctx) : page
    const pages = new ResultPages(this.#deps.rest, reference, first)
    const fields = first.head.schema?.fields ?? page.head.schema?.fields ?? []
    return {
      path: isWhole ? 'inline' : isStored ? 'fallback' : 'rest',
      frames: this.#rows(pages, new RowEncoder(fields, BATCH), ctx.signal),
    }
  }

  /** The rows of the answer, then those that are left of the job, in their order; undefined if BigQuery refuses that. */
  async #furtherRows(
    { reference: { project, location, jobId } }: FinishedJob,
    arrow: InlineRows,
    ctx: Context,
  ): Promise<Pick<StorageRead, 'frames' | 'progress'> | undefined> {
    if (Date.now() < this.#refusedUntil) return undefined
    const onResume = () => this.#deps.observer.onResume()
    try {
      const { header: schema } = readFrame(arrow.schema)
      const rest = { project, location, jobId, offset: arrow.rows, schema, onResume }
      const read = await readJobStream(rest, this.#storage, ctx)
      return { frames: chained(inlineFrames(arrow), read.frames), progress: () => read.progress() }
    } catch (error) {
      if (error instanceof StorageRefused) return undefined
      throw error
    }
  }

  /** Reads the table in which BigQuery keeps the result; undefined if that is refused. */
  async #storedRows(
    reference: JobReference,
    schema: Field,
    { isOrdered }: ResultFacts,
    ctx: Context,
  ): Promise<StorageRead | undefined> {
    const { rest, log, observer } = this.#deps
    if (Date.now() < this.#refusedUntil) return undefined
    const job = await this.#aftercare.get(reference, ctx.signal)
    const table = job?.configuration?.query?.destinationTable
    if (!table) return undefined
    try {
      const read = await readTable(
        {
          table: tableName(table),
          parentProject: rest.project,
          ordered: isOrdered,
          traceId: 'flightgate',
          onResume: () => observer.onResume(),
        },
        this.#storage,
        ctx,
      )
      const difference = schemaDifference(schema, schemaOf(read.schema))
      if (difference === undefined) return read
      await read.frames[Symbol.asyncIterator]().return?.()
      log.warn({ event: 'storage', difference }, 'the Storage Read API has another schema than REST: reading by REST')
    } catch (error) {
      if (!(error instanceof StorageRefused)) throw error
      // What BigQuery does not offer for this result it may offer for the next one.
      if (error.refusal !== 'unsupported') this.#refusedUntil = Date.now() + REFUSED_MS
      log.warn({ event: 'storage', refusal: error.refusal, cause: error.message }, 'reading a result by REST')
    }
    return undefined
  }

  async *#rows(
    pages: ResultPages,
    encoder: RowEncoder,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Frame[], void, undefined> {
    try {
      for await (const { rows } of pages.all(signal)) yield* encoder.encode(rows)
    } catch (error) {
      throw bigQueryError(error, this.#deps.source)
    }
  }
}

/** The rows that came as Arrow, if they can be sent under the schema of the result. */
function fittingArrow({ arrow }: FinishedJob, schema: Field): InlineRows | undefined {
  return arrow && schemaDifference(schema, schemaOf(arrow.schema)) === undefined ? arrow : undefined
}

function schemaOf(frame: Frame): Field {
  return decodeSchema(readFrame(frame).header)
}

async function* inlineFrames({ frames }: InlineRows): AsyncGenerator<readonly Frame[], void, undefined> {
  if (frames.length > 0) yield frames
}

async function* chained(
  ...parts: AsyncIterable<readonly Frame[]>[]
): AsyncGenerator<readonly Frame[], void, undefined> {
  for (const part of parts) yield* part
}

function tableName({ projectId, datasetId, tableId }: TableReferenceResource) {
  return { project: projectId, dataset: datasetId, table: tableId }
}

/** Counts the rows and bytes of frames while they are read. */
function counted(frames: AsyncIterable<readonly Frame[]>, stats: ResultStats): AsyncIterable<readonly Frame[]> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = frames[Symbol.asyncIterator]()
      return {
        async next() {
          const next = await iterator.next()
          if (!next.done)
            for (const { rows, byteLength } of next.value) {
              stats.rows += Math.max(0, rows)
              stats.bytes += byteLength
            }
          return next
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}
