import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '../api-error.ts'
import { dryRun } from '../jobs/estimate-query.ts'
import type { FakeJob, JobConfiguration } from '../jobs/job.ts'
import type { FakeState } from '../state.ts'
import { encodeInline } from '../storage/inline.ts'
import { formatOptions, type PageLimits, pageOf, timestampFormat } from './pages.ts'
import { affected, dryRunView, jobView } from './views.ts'

type Json = Readonly<Record<string, unknown>>

/** Requests seen, by requestId: the same id within 15 minutes gets the same job. */
const requestIds = new WeakMap<FakeState, Map<string, { readonly job: FakeJob; readonly at: number }>>()

/** Milliseconds for which a requestId is known; source: QueryRequest.request_id of the API's proto. */
const requestIdMs = 15 * 60_000

/** jobs.insert: a job that runs, or an estimate. @throws ApiError */
export function insertJob(state: FakeState, project: string, body: Json) {
  const configuration = body['configuration'] as JobConfiguration | undefined
  const reference = body['jobReference'] as { jobId?: string; location?: string } | undefined
  if (!configuration?.query?.query) throw new ApiError(400, 'invalid', 'Required parameter is missing: query')
  refuseLegacy(configuration.query.useLegacySql)
  if (configuration.dryRun) {
    const estimate = dryRun(configuration.query, project, state.tables, state.answers)
    return dryRunView(project, locationOf(state, estimate, reference?.location), configuration, estimate)
  }
  return jobView(state.jobs.start(project, configuration, reference?.jobId, reference?.location))
}

/** jobs.query: waits for the first page for so long as the caller says. @throws ApiError */
export async function queryJob(state: FakeState, project: string, body: Json, signal: AbortSignal) {
  const text = body['query'] as string | undefined
  if (!text) throw new ApiError(400, 'invalid', 'Required parameter is missing: query')
  refuseLegacy(body['useLegacySql'] as boolean | undefined)
  const configuration = configurationOf(body)
  const location = body['location'] as string | undefined
  if (body['dryRun'] === true) {
    const estimate = dryRun(configuration.query, project, state.tables, state.answers)
    return {
      kind: 'bigquery#queryResponse',
      ...(estimate.schema && { schema: { fields: estimate.schema } }),
      jobReference: { projectId: project, location: locationOf(state, estimate, location) },
      totalBytesProcessed: String(estimate.bytes),
      jobComplete: true,
      cacheHit: false,
    }
  }
  const job = knownRequest(state, project, body) ?? state.jobs.start(project, configuration, undefined, location)
  remember(state, project, body, job)
  await settled(job, Number(body['timeoutMs'] ?? 10_000), signal)
  if (job.state === 'DONE' && job.error) throw job.error
  const optional = body['jobCreationMode'] === 'JOB_CREATION_OPTIONAL'
  const short = optional && job.state === 'DONE' && job.statementType === 'SELECT'
  const answer = resultsView(state, job, body['formatOptions'] as Json | undefined, {
    maxResults: body['maxResults'] as number | undefined,
    arrow: state.options.arrow === true && body['queryResultsFormat'] === 'ARROW',
  })
  // The short form keeps no job that could be asked, as long as all rows are in the answer.
  if (short && !('pageToken' in answer)) {
    job.queryId ??= `bquxjob_${randomUUID().replaceAll('-', '').slice(0, 16)}`
    const { jobReference: _, ...rest } = answer
    return { ...rest, kind: 'bigquery#queryResponse', queryId: job.queryId, location: job.location }
  }
  return {
    ...answer,
    kind: 'bigquery#queryResponse',
    queryId: job.id,
    location: job.location,
    jobCreationReason: { code: optional ? 'LARGE_RESULTS' : 'REQUESTED' },
  }
}

/** jobs.getQueryResults. @throws ApiError */
export async function queryResults(state: FakeState, job: FakeJob, query: URLSearchParams, signal: AbortSignal) {
  await settled(job, Number(query.get('timeoutMs') ?? 10_000), signal)
  if (job.state === 'DONE' && job.error) throw job.error
  const maxResults = query.get('maxResults')
  return {
    ...resultsView(state, job, formatOptions(query), {
      maxResults: maxResults === null ? undefined : Number(maxResults),
      pageToken: query.get('pageToken') ?? undefined,
      startIndex: query.get('startIndex') ?? undefined,
    }),
    kind: 'bigquery#getQueryResultsResponse',
    etag: 'etag',
  }
}

interface PageRequest {
  readonly maxResults?: number | undefined
  readonly pageToken?: string | undefined
  readonly startIndex?: string | undefined
  readonly arrow?: boolean
}

function resultsView(state: FakeState, job: FakeJob, format: Json | undefined, request: PageRequest) {
  const jobReference = { projectId: job.project, jobId: job.id, location: job.location }
  if (job.state !== 'DONE') return { jobReference, jobComplete: false }
  const figures = {
    jobComplete: true,
    jobReference,
    totalBytesProcessed: String(job.bytesProcessed),
    totalBytesBilled: String(job.bytesBilled),
    totalSlotMs: String(job.slotMs),
    cacheHit: job.cacheHit,
    statementType: job.statementType,
    creationTime: String(job.createdAt),
    startTime: String(job.startedAt),
    endTime: String(job.endedAt),
    ...(job.dml && { numDmlAffectedRows: affected(job), dmlStats: job.dml }),
  }
  const { result, schema = [] } = job
  if (!result) return { ...figures, totalRows: '0', schema: { fields: schema } }
  const limits: PageLimits = {
    bytes: state.options.pageBytes ?? 20_000_000,
    rows: Math.min(request.maxResults ?? Number.POSITIVE_INFINITY, state.options.pageRows ?? Number.POSITIVE_INFINITY),
  }
  const head = { ...figures, schema: { fields: schema }, totalRows: String(result.rows.length) }
  if (limits.rows === 0) return { ...head, ...(result.rows.length > 0 && { pageToken: firstPage }) }
  if (request.arrow) return { ...head, ...encodeInline(result, limits) }
  const page = pageOf(
    result.rows,
    schema,
    { pageToken: request.pageToken === firstPage ? undefined : request.pageToken, startIndex: request.startIndex },
    limits,
    timestampFormat(format ?? {}),
  )
  return {
    ...head,
    ...(page.rows.length > 0 && { rows: page.rows }),
    ...(page.pageToken && { pageToken: page.pageToken }),
  }
}

const firstPage = Buffer.from('row:0').toString('base64url')

/** Waits until the job is done, the time is over or the caller is gone. */
async function settled(job: FakeJob, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const give = AbortSignal.any([stop.signal, signal])
  await Promise.race([job.done, delay(Math.min(timeoutMs, 200_000), undefined, { signal: give }).catch(() => {})])
  stop.abort()
}

function configurationOf(body: Json): JobConfiguration {
  const taken = [
    'query',
    'defaultDataset',
    'useQueryCache',
    'useLegacySql',
    'parameterMode',
    'queryParameters',
    'maximumBytesBilled',
    'connectionProperties',
    'createSession',
  ]
  const query = Object.fromEntries(taken.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]))
  const others = ['labels', 'jobTimeoutMs', 'reservation', 'maxSlots'].filter((name) => body[name] !== undefined)
  return {
    ...Object.fromEntries(others.map((name) => [name, body[name]])),
    query: query as unknown as JobConfiguration['query'],
  }
}

function knownRequest(state: FakeState, project: string, body: Json): FakeJob | undefined {
  const found = requestIds.get(state)?.get(`${project} ${body['requestId']}`)
  return found && Date.now() - found.at < requestIdMs ? found.job : undefined
}

function remember(state: FakeState, project: string, body: Json, job: FakeJob): void {
  if (!body['requestId']) return
  const seen = requestIds.get(state) ?? new Map()
  requestIds.set(state, seen)
  seen.set(`${project} ${body['requestId']}`, { job, at: Date.now() })
}

function locationOf(state: FakeState, { referenced }: { referenced: readonly { location: string }[] }, asked?: string) {
  return referenced[0]?.location ?? asked ?? state.options.location ?? 'US'
}

/** REST's default is still legacy SQL, so a caller must say that it wants GoogleSQL. */
function refuseLegacy(useLegacySql: boolean | undefined): void {
  if (useLegacySql === false) return
  throw new ApiError(400, 'invalidQuery', 'Legacy SQL is not available for this project.', 'query')
}
