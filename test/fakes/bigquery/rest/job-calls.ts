import { ApiError } from '../api-error.ts'
import type { FakeJob } from '../jobs/job.ts'
import type { FakeState } from '../state.ts'
import { listPage } from './pages.ts'
import { jobView } from './views.ts'

/** The job that a request names; jobs of the short form cannot be asked for. @throws ApiError 404 */
export function jobOf(state: FakeState, project: string, id: string, location: string | undefined): FakeJob {
  const job = state.jobs.find(project, id, location)
  if (!job || job.queryId !== undefined)
    throw new ApiError(404, 'notFound', `Not found: Job ${project}:${location ? `${location}.` : ''}${id}`)
  return job
}

/** jobs.cancel: answers at once, the job ends later. */
export function cancelJob(state: FakeState, job: FakeJob) {
  state.jobs.cancel(job)
  return { kind: 'bigquery#jobCancelResponse', job: jobView(job) }
}

/** jobs.list: newest first; children only with `parentJobId`. */
export function listJobs(state: FakeState, project: string, query: URLSearchParams) {
  const parent = query.get('parentJobId') ?? undefined
  const states = query.getAll('stateFilter').map((name) => name.toUpperCase())
  const [min, max] = ['minCreationTime', 'maxCreationTime'].map((name) => query.get(name))
  const found = state.jobs.all
    .filter((job) => job.project === project && job.parent?.id === parent)
    .filter((job) => states.length === 0 || states.includes(job.state))
    .filter((job) => !min || job.createdAt >= Number(min))
    .filter((job) => !max || job.createdAt <= Number(max))
    .toReversed()
  const { items, ...rest } = listPage(found, query)
  const jobs = items.map((job) => {
    const { status, ...view } = jobView(job)
    const { configuration, ...minimal } = view
    const base = query.get('projection') === 'full' ? { ...minimal, configuration } : minimal
    return { ...base, status, state: status.state, ...(status.errorResult && { errorResult: status.errorResult }) }
  })
  return { kind: 'bigquery#jobList', etag: 'etag', jobs, ...rest }
}
