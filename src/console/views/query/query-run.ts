import { signal } from '@preact/signals'
import type { Column, Estimate, Metrics, Problem } from '../../api/answers.ts'
import { ApiError, apiErrorOf, isAborted } from '../../api/api-error.ts'
import { callApi, openAnswer } from '../../api/call.ts'
import { readEvents } from '../../api/read-events.ts'
import { formatRows } from '../../format/figures.ts'
import { announce } from '../../parts/notice.tsx'
import { ResultRows } from './result-rows.ts'

const CHUNK_ROWS = 1000
/** Time between two updates of the page, and between two pauses in which the browser draws and takes keys. */
const UPDATE_MS = 120
const WORK_MS = 8

/** A statement, as the person asks for it. */
export interface Asked {
  readonly query: string
  /** Name of a source; empty for the one that the names in the statement belong to. */
  readonly source: string
}

/** What the view does at the moment. `asking`: the person is asked whether the statement may cost what it costs. */
export type Phase = 'idle' | 'estimating' | 'asking' | 'running'

/** A result, complete or not. */
export interface Shown {
  readonly asked: Asked
  readonly result: ResultRows
  readonly startedAt: number
  /** Rows so far: the list of `result` grows in place. */
  readonly rowCount: number
  readonly percent: number | null
  /** How it ended; undefined while it runs. */
  readonly end?: 'complete' | 'full' | 'cancelled' | 'failed'
  readonly affectedRows?: number | null
  readonly metrics?: Metrics
}

export const phase = signal<Phase>('idle')
export const estimate = signal<Estimate | undefined>(undefined)
/** Why there is no estimate, where that does not keep a statement from running. */
export const noEstimate = signal<string | undefined>(undefined)
export const shown = signal<Shown | undefined>(undefined)
export const failure = signal<ApiError | undefined>(undefined)

let running: AbortController | undefined
let toRun: Asked | undefined

/** The body of a request. */
export function bodyOf({ query, source }: Asked) {
  return { query, ...(source !== '' && { data_source: source }) }
}

/** Estimates a statement and runs nothing. */
export async function estimateOnly(asked: Asked): Promise<void> {
  await estimated(asked)
  phase.value = 'idle'
}

/** Estimates a statement, and runs it unless the gateway would refuse it. If it costs something the person is asked. */
export async function run(asked: Asked): Promise<void> {
  shown.value = undefined
  if (!(await estimated(asked))) {
    phase.value = 'idle'
    return
  }
  const { refusal, cost_usd } = estimate.value ?? { refusal: null, cost_usd: null }
  if (refusal !== null) phase.value = 'idle'
  else if (cost_usd !== null && cost_usd > 0) {
    toRun = asked
    phase.value = 'asking'
  } else await stream(asked)
}

/** Runs the statement about which the person has been asked. */
export async function confirm(): Promise<void> {
  if (toRun && phase.value === 'asking') await stream(toRun)
}

/** Ends what is going on. The gateway cancels the statement, since its client leaves. */
export function cancel(): void {
  running?.abort()
  phase.value = 'idle'
}

/** @returns whether the statement may run as far as the estimate can tell */
async function estimated(asked: Asked): Promise<boolean> {
  const { signal } = begin('estimating')
  try {
    estimate.value = await callApi<Estimate>('api/v1/estimate-cost', { method: 'POST', body: bodyOf(asked), signal })
    return true
  } catch (thrown) {
    if (isAborted(thrown)) return false
    const error = apiErrorOf(thrown)
    // Not offered by the source, or not granted: the statement itself may still run.
    if (error.problem?.status === 501 || error.problem?.status === 403) {
      noEstimate.value = error.message
      return true
    }
    failure.value = error
    return false
  }
}

function begin(next: Phase): AbortController {
  running?.abort()
  running = new AbortController()
  phase.value = next
  failure.value = undefined
  if (next === 'estimating') {
    estimate.value = undefined
    noEstimate.value = undefined
  }
  return running
}

async function stream(asked: Asked): Promise<void> {
  const controller = begin('running')
  try {
    const end = await readResult(asked, controller)
    if (end === 'full') announce('The result is larger than the console shows.', false)
    else announce(`The statement has ended: ${formatRows(shown.peek()?.rowCount ?? 0)}.`, false)
  } catch (thrown) {
    const end = isAborted(thrown) ? 'cancelled' : 'failed'
    if (end === 'failed') failure.value = apiErrorOf(thrown)
    const partial = shown.peek()
    if (running === controller && partial) shown.value = { ...partial, end }
  } finally {
    controller.abort()
    if (running === controller) phase.value = 'idle'
  }
}

async function readResult(asked: Asked, { signal }: AbortController): Promise<'complete' | 'full'> {
  const startedAt = performance.now()
  const body = { ...bodyOf(asked), row_format: 'arrays', chunk_size: CHUNK_ROWS }
  const answer = await openAnswer('api/v1/stream/sse', { method: 'POST', body, signal })
  let result = new ResultRows([])
  let percent: number | null = null
  let drawnAt = 0
  let pausedAt = performance.now()
  const show = (more: Partial<Shown> = {}) => {
    drawnAt = performance.now()
    shown.value = { asked, result, startedAt, rowCount: result.rows.length, percent, ...more }
  }
  for await (const { event, data } of readEvents(answer.body!)) {
    if (event === 'schema') {
      result = new ResultRows((JSON.parse(data) as { columns: Column[] }).columns)
      show()
    } else if (event === 'rows') {
      if (!result.add(data)) {
        show({ end: 'full' })
        return 'full'
      }
    } else if (event === 'progress') percent = (JSON.parse(data) as { percent: number | null }).percent
    else if (event === 'error') {
      const problem = JSON.parse(data) as Problem
      throw new ApiError(problem.detail, problem)
    } else if (event === 'end') {
      const { affected_rows, metrics } = JSON.parse(data) as { affected_rows: number | null; metrics: Metrics }
      show({ end: 'complete', affectedRows: affected_rows, metrics })
      return 'complete'
    }
    if (performance.now() - drawnAt > UPDATE_MS) show()
    if (performance.now() - pausedAt > WORK_MS) {
      await new Promise((resolve) => setTimeout(resolve))
      pausedAt = performance.now()
    }
  }
  throw new ApiError('The result broke off: the connection to the gateway has ended.')
}
