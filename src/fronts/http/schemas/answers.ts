import type { z } from 'zod'
import { PROBLEM_TYPE } from '../call/problem.ts'
import { problemSchema } from './problem.ts'

const descriptions = {
  400: 'The request or a statement in it is malformed.',
  401: 'The credentials are missing or wrong.',
  403: 'The principal, the source or its sandbox does not allow this.',
  404: 'There is no such source, table or statement.',
  406: 'The route has no answer of a type that `accept` names.',
  408: 'The client did not send the body, or did not read the answer, in time.',
  409: 'The statement conflicts with another one, or the stream cannot be resumed.',
  413: 'The body or a result is above a limit.',
  415: 'The body is not `application/json`.',
  429: 'A limit is reached: `retry-after` tells when to try again.',
  499: 'The statement was cancelled.',
  500: "The gateway failed: its log tells more under the request's id.",
  501: 'The gateway or the source does not offer this.',
  502: 'The source failed or sent malformed data.',
  503: 'The source does not answer, or the gateway is shutting down.',
  504: 'A time limit has passed.',
  507: 'The statement needs more memory than the source may use.',
} as const

type ProblemStatus = keyof typeof descriptions

/** Statuses of errors that every route has. */
const everywhere: readonly ProblemStatus[] = [400, 401, 429, 500, 503]

/** Documents the errors of a route that runs no statements. @param own statuses beside those that every route has */
export function problemAnswers(...own: ProblemStatus[]) {
  return Object.fromEntries([...everywhere, ...own].map((status) => [status, problemAnswer(status)]))
}

/** Documents the errors of a route that plans or runs statements. */
export function statementProblemAnswers() {
  return Object.fromEntries(
    (Object.keys(descriptions) as unknown[] as ProblemStatus[]).map((status) => [status, problemAnswer(status)]),
  )
}

function problemAnswer(status: ProblemStatus) {
  return { description: descriptions[status], content: { [PROBLEM_TYPE]: { schema: problemSchema } } }
}

/** Documents an answer in JSON. */
export function jsonAnswer<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } }
}
