import { readFrame } from '../../../arrow/ipc/flight-data.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import type { JobReference } from '../../../query/billing/charge.ts'
import type { Context, Result, ResultStats } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import type { Aftercare } from '../jobs/aftercare.ts'
import type { JobDependencies } from '../jobs/job-dependencies.ts'
import type { FinishedJob } from '../jobs/jobs.ts'
import type { ResultPath } from '../metrics.ts'
import type { TableReferenceResource } from '../rest/api.ts'
import { RowEncoder } from '../rows/row-encoder.ts'
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

/**
 * Results of jobs as Arrow. One page comes from REST. Of a larger result, the Storage Read API sends all rows; where that is refused
 * before the first row, further REST pages do. Both ways have the same schema.
 */
export class Results {
  readonly #deps: JobDependencies
  readonly #aftercare: Aftercare
  readonly #storage: StorageClient
  /** Unix milliseconds until which the Storage Read API is not asked. */
  #refusedUntil = 0

  constructor(deps: JobDependencies, aftercare: Aftercare, storage: StorageClient) {
    this.#deps = deps
    this.#aftercare = aftercare
    this.#storage = storage
  }

  /** The result of a job that has ended. @throws GatewayError, RestFailure, LoginFailure, or the signal's reason */
  async of({ reference, page }: FinishedJob, facts: ResultFacts, ctx: Context): Promise<Result> {
    const { head } = page
    const fields = head.schema?.fields ?? []
    const affectedRows = affectedRowsOf(head, facts.statementType)
    if (fields.length === 0) {
      const stats = { rows: 0, bytes: 0, affectedRows }
      return { schema: frameOf(noColumns, none, 0), frames: (async function* () {})(), stats }
    }
    const schema = arrowSchemaOf(fields)
    checkAnnounced(facts.announced, schema)
    const stats: ResultStats = { rows: 0, bytes: 0, affectedRows }
    const answer = { schema: frameOf(encodeSchema(schema), none, 0), stats }
    let path: ResultPath = 'inline'
    if (head.pageToken) {
      const isStored = this.#deps.config.storageApi && facts.statementType === 'SELECT'
      const read = isStored ? await this.#storedRows(reference, schema, facts, ctx) : undefined
      if (read) {
        this.#deps.observer.onResult('storage')
        return { ...answer, frames: counted(read.frames, stats), progress: () => read.progress() }
      }
      path = isStored ? 'fallback' : 'rest'
    }
    this.#deps.observer.onResult(path)
    const pages = new ResultPages(this.#deps.rest, reference, page)
    const frames = this.#rows(pages, new RowEncoder(fields, BATCH), ctx.signal)
    return { ...answer, frames: counted(frames, stats) }
  }

  /** Reads the table in which BigQuery keeps the result; undefined if that is refused. */
  async #storedRows(
    reference: JobReference,
    schema: Field,
    { isOrdered }: ResultFacts,
    ctx: Context,
  ): Promise<StorageRead | undefined> {
    const { rest, log } = this.#deps
    if (Date.now() < this.#refusedUntil) return undefined
    const job = await this.#aftercare.get(reference, ctx.signal)
    const table = job?.configuration?.query?.destinationTable
    if (!table) return undefined
    try {
      const read = await readTable(
        { table: tableName(table), parentProject: rest.project, ordered: isOrdered, traceId: 'flightgate' },
        this.#storage,
        ctx,
      )
      const difference = read.schema && schemaDifference(schema, decodeSchema(readFrame(read.schema).header))
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
