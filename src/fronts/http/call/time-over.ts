import { GatewayError } from '../../../query/errors.ts'

/** The error of a request whose time limit has passed. @param limitMs the limit in milliseconds */
export function timeOver(limitMs: number): GatewayError {
  const limit = Math.round(limitMs).toLocaleString('en-US')
  return new GatewayError(
    'DEADLINE',
    `The request took longer than its ${limit} ms: give it more time (timeout), or ask for less at once.`,
  )
}
