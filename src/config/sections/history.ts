import { z } from 'zod'
import { wholeNumber } from '../setting/value.ts'

/** Schema of `history`. */
export const historySchema = z.strictObject({
  recentStatements: wholeNumber(
    'Ended statements that each process remembers in memory, for `GET /api/v1/queries/recent`, ListRecentQueries and the console. 0 remembers none.',
    { min: 0, max: 100_000, default: 1000 },
  ),
  recentStatementBytes: wholeNumber('Memory for them in each process. The oldest ones leave first.', {
    min: 65_536,
    max: 2 ** 30,
    default: 4 << 20,
  }),
})
