import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '../api-error.ts'
import { billedBytes, bytesOf } from '../sql/estimate.ts'
import { scriptOf } from '../sql/script.ts'
import type { CompiledStatement, StatementResult } from '../sql/statement.ts'
import type { FakeTable } from '../table.ts'
import type { FakeTables } from '../tables.ts'
import { type CannedAnswer, type CannedAnswers, cannedDml, cannedError } from './answers.ts'
import { FakeJob, type JobConfiguration } from './job.ts'

/** How jobs behave. */
export interface JobOptions {
  /** Every job stays RUNNING at least so long; 0 by default. */
  readonly jobDurationMs?: number
  /** What a canceled job bills: nothing (by default), or as much as if it had ended. */
  readonly canceledBill?: 'nothing' | 'all'
  /** Location of jobs without tables and without a location of their own; `US` by default. */
  readonly location?: string
}

interface Cached {
  readonly versions: readonly (readonly [FakeTable, number])[]
  readonly table: FakeTable
  readonly statementType: string
}

/** The jobs of a stand-in: runs them, bills them, keeps them. */
export class FakeJobs {
  readonly all: FakeJob[] = []
  readonly #tables: FakeTables
  readonly #answers: CannedAnswers
  readonly #options: JobOptions
  readonly #cache = new Map<string, Cached>()
  #held: Promise<void> | undefined

  constructor(tables: FakeTables, answers: CannedAnswers, options: JobOptions) {
    this.#tables = tables
    this.#answers = answers
    this.#options = options
  }

  /** Bytes billed by all jobs; those of scripts count by their statements. */
  get billedBytes(): number {
    return this.all.filter(({ children }) => children.length === 0).reduce((sum, job) => sum + job.bytesBilled, 0)
  }

  find(project: string, id: string, location?: string): FakeJob | undefined {
    return this.all.find(
      (job) => job.project === project && job.id === id && (!location || same(job.location, location)),
    )
  }

  /**
   * Starts a job.
   * @throws ApiError 409 for an id that exists
   */
  start(project: string, configuration: JobConfiguration, id?: string, location?: string): FakeJob {
    if (id && this.find(project, id))
      throw new ApiError(409, 'duplicate', `Already Exists: Job ${project}:${location ?? 'US'}.${id}`)
    const job = new FakeJob(project, location ?? this.#options.location ?? 'US', configuration, { id })
    this.all.push(job)
    void this.#run(job, location)
    return job
  }

  /** From now on jobs stay RUNNING until the returned function is called, or they are cancelled. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = promise
    return () => {
      this.#held = undefined
      resolve()
    }
  }

  cancel(job: FakeJob): void {
    for (const one of [job, ...job.children]) one.canceled.abort()
  }

  /** Ends what still runs. */
  close(): void {
    for (const job of this.all) if (job.state !== 'DONE') job.canceled.abort()
  }

  async #run(job: FakeJob, location: string | undefined): Promise<void> {
    try {
      await this.#pause(job, 0)
      job.startedAt = Date.now()
      const { query } = job.configuration.query
      const canned = this.#answers.find(query)
      if (canned) await this.#runCanned(job, canned)
      else await this.#runScript(job, location)
      job.end()
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError(500, 'internalError', String(error))
      if (failure.reason !== 'stopped' || this.#options.canceledBill !== 'all') job.bytesBilled = 0
      job.end(failure)
    }
  }

  async #runCanned(job: FakeJob, canned: CannedAnswer): Promise<void> {
    const bytes = canned.processedBytes ?? canned.estimatedBytes ?? 0
    const billed = billedBytes(bytes, canned.tables ?? 1)
    this.#checkLimit(job, Math.max(billed, billedBytes(canned.estimatedBytes ?? 0, canned.tables ?? 1)))
    job.statementType = canned.statementType ?? 'SELECT'
    job.bytesProcessed = bytes
    job.bytesBilled = billed
    job.slotMs = canned.slotMs ?? canned.durationMs ?? 0
    job.statistics = canned.statistics
    await this.#work(job, canned.durationMs)
    const error = cannedError(canned)
    if (error) throw error
    job.dml = cannedDml(canned)
    if (canned.schema) {
      const rows = canned.rows ?? []
      this.#keep(job, { schema: canned.schema, rows: { length: rows.length, at: (index) => rows[index]! } })
    }
  }

  async #runScript(job: FakeJob, location: string | undefined): Promise<void> {
    const { query } = job.configuration
    const script = scriptOf(
      query.query,
      this.#tables,
      { project: query.defaultDataset?.projectId ?? job.project, dataset: query.defaultDataset?.datasetId },
      query.queryParameters ?? [],
    )
    if (script.statements.length === 1) {
      await this.#runStatement(job, script.statements[0]!.compile(), location)
      return
    }
    job.statementType = 'SCRIPT'
    for (const statement of script.statements) {
      const configuration = { ...job.configuration, query: { ...query, query: statement.text } }
      const child = new FakeJob(job.project, job.location, configuration, {
        id: `script_job_${randomBytes(16).toString('hex')}_${job.children.length}`,
        parent: job,
      })
      child.startedAt = Date.now()
      try {
        const compiled = statement.compile()
        if (compiled.type === 'DECLARE') {
          job.children.pop()
          continue
        }
        this.all.push(child)
        await this.#runStatement(child, compiled, location)
        child.end()
      } catch (error) {
        child.bytesBilled = 0
        child.end(error as ApiError)
        throw error
      } finally {
        job.bytesProcessed = job.children.reduce((sum, { bytesProcessed }) => sum + bytesProcessed, 0)
        job.bytesBilled = job.children.reduce((sum, { bytesBilled }) => sum + bytesBilled, 0)
        job.slotMs = job.children.reduce((sum, { slotMs }) => sum + slotMs, 0)
        job.location = child.location
      }
      if (child.result) [job.result, job.schema] = [child.result, child.schema]
    }
  }

  async #runStatement(job: FakeJob, statement: CompiledStatement, location: string | undefined): Promise<void> {
    job.statementType = statement.type
    const referenced = [...new Set(statement.scans.flatMap(({ tables }) => tables))]
    job.referenced = referenced
    const [first] = referenced
    if (first && location && !same(first.location, location))
      throw new ApiError(
        404,
        'notFound',
        `Not found: Dataset ${first.project}:${first.dataset} was not found in location ${location}`,
      )
    if (first) job.location = first.location
    const key = this.#cacheKey(job)
    const cached = key === undefined ? undefined : this.#cache.get(key)
    if (cached?.versions.every(([table, version]) => table.version === version)) {
      job.cacheHit = true
      job.result = cached.table
      job.schema = cached.table.schema
      return
    }
    const bytes = bytesOf(statement.scans)
    this.#checkLimit(job, billedBytes(bytes.estimated, bytes.tables.length))
    job.bytesProcessed = bytes.processed
    job.bytesBilled = billedBytes(bytes.processed, bytes.tables.length)
    job.slotMs = Math.ceil(bytes.processed / 1e6)
    await this.#work(job)
    const result = statement.run()
    job.dml = result.dml
    job.ddl = result.ddl
    if (!result.schema || !result.rows) return
    this.#keep(job, result)
    if (key !== undefined)
      this.#cache.set(key, {
        versions: referenced.map((table) => [table, table.version]),
        table: job.result!,
        statementType: statement.type,
      })
  }

  /** Cached are deterministic statements without a destination, if nothing they read is a wildcard. */
  #cacheKey({ configuration, project, parent }: FakeJob): string | undefined {
    const { query, useQueryCache, destinationTable, queryParameters, defaultDataset } = configuration.query
    if (useQueryCache === false || destinationTable || parent) return undefined
    if (/\b(current_\w+|rand|generate_uuid|session_user)\b|\*`|_table_suffix/i.test(query)) return undefined
    return createHash('sha256')
      .update(JSON.stringify([project, query, queryParameters, defaultDataset]))
      .digest('hex')
  }

  #checkLimit({ configuration }: FakeJob, billed: number): void {
    const limit = configuration.query.maximumBytesBilled
    if (limit !== undefined && BigInt(limit) > 0n && BigInt(billed) > BigInt(limit))
      throw new ApiError(
        400,
        'bytesBilledLimitExceeded',
        `Query exceeded limit for bytes billed: ${limit}. ${billed} or higher required.`,
      )
  }

  /** Keeps a result in the destination, or in an anonymous table. */
  #keep(job: FakeJob, { schema, rows }: StatementResult): void {
    const destination = job.parent ? undefined : job.configuration.query.destinationTable
    const dataset = destination?.datasetId ?? `_${createHash('sha1').update(job.project).digest('hex')}`
    job.schema = schema
    const { length, repeatsAfter } = rows!
    job.result = this.#tables.add({
      project: destination?.projectId ?? job.project,
      dataset,
      name: destination?.tableId ?? `anon${randomBytes(20).toString('hex')}`,
      location: job.location,
      schema: schema!,
      rows: (index) => rows!.at(index),
      numRows: length,
      ...(repeatsAfter && { repeatsAfter }),
    })
  }

  async #work(job: FakeJob, durationMs = this.#options.jobDurationMs ?? 0): Promise<void> {
    const { signal } = job.canceled
    if (this.#held && !signal.aborted) await Promise.race([this.#held, once(signal, 'abort')])
    await this.#pause(job, durationMs)
  }

  async #pause(job: FakeJob, ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: job.canceled.signal, ref: false }).catch(() => {})
    else await new Promise((resolve) => setImmediate(resolve))
    if (job.canceled.signal.aborted)
      throw new ApiError(200, 'stopped', 'Job execution was cancelled: User requested cancellation')
  }
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
