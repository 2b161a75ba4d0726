import { z } from 'zod'
import { optionalWholeNumber } from '../setting/value.ts'

/** The settings of `quotas` and of the quotas of an API key. */
export const quotaSettings = {
  requestsPerMinute: optionalWholeNumber(
    'Requests per minute: gRPC calls, except health checks, reflection and logins, and HTTP requests under /api/v1. A batch counts each of its statements. 0 is no limit.',
    { min: 0, max: 1_000_000_000 },
  ),
  maxConcurrentStatements: optionalWholeNumber(
    'Statements that wait, run or are read at the same time, on all replicas that share Redis. The gateway refuses more instead of queueing them. 0 is no limit.',
    { min: 0, max: 1_000_000 },
  ),
  maxBytesPerDay: optionalWholeNumber(
    'Arrow bytes of results in a day of UTC. A statement that has begun may be read to its end. 0 is no limit.',
    { min: 0, max: 2 ** 53 - 1 },
  ),
}

/** Schema of `quotas`. */
export const quotasSchema = z.strictObject(quotaSettings)
