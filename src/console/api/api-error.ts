import type { Problem } from './answers.ts'

/** Why a call has failed, as a sentence for the person at the screen. */
export class ApiError extends Error {
  /** Absent if the gateway did not answer. */
  readonly problem: Problem | undefined

  constructor(message: string, problem?: Problem) {
    super(message)
    this.problem = problem
  }
}

/** Converts what a call has thrown. */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof DOMException && thrown.name === 'TimeoutError')
    return new ApiError('The gateway has not answered in time.')
  if (thrown instanceof TypeError)
    return new ApiError('The gateway does not answer: is it running, and is the network up?')
  return new ApiError(thrown instanceof Error ? thrown.message : String(thrown))
}

/** Whether a call ended because the console itself gave it up. */
export function isAborted(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError'
}

/** The problem of an answer that is an error. */
export async function problemOf(response: Response): Promise<ApiError> {
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) {
    const problem = (await response.json()) as Problem
    return new ApiError(problem.detail, problem)
  }
  return new ApiError(
    `The answer has the status ${response.status}, and is not the gateway's: a proxy may have sent it.`,
  )
}
