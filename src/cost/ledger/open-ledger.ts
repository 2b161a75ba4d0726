import type { Logger } from '../../query/types.ts'
import { CallGuard } from '../../state/guarded.ts'
import type { RedisConnection } from '../../state/redis/redis-connection.ts'
import { limitsOf } from '../../state/state-uses.ts'
import { guardedLedger } from './guarded-ledger.ts'
import type { BillingCalendar, Ledger } from './ledger.ts'

/** Where the ledger is: in Redis if there is a connection, else in SQLite. */
export interface LedgerPlace {
  /** The owner closes it. */
  readonly redis: RedisConnection | undefined
  readonly directory: string | undefined
}

/** SQLite waits up to 2 s for another process that writes. */
const SQLITE_TIMEOUT_MS = 5000
const REPORT_TIMEOUT_MS = 30_000
const RETRY_AFTER_MS = 1000

/** Opens the ledger. Its implementation is loaded here. @throws Error if its file cannot be used */
export async function openLedger(
  { redis, directory }: LedgerPlace,
  calendar: BillingCalendar,
  log: Logger,
): Promise<Ledger> {
  const guard = (callTimeoutMs: number) => new CallGuard({ callTimeoutMs, retryAfterMs: RETRY_AFTER_MS }, log, 'ledger')
  const reports = guard(REPORT_TIMEOUT_MS)
  if (redis) {
    const { RedisLedger } = await import('./redis/redis-ledger.ts')
    const { small } = limitsOf('ledger', redis.commandTimeoutMs)
    return guardedLedger(new RedisLedger(redis, calendar), new CallGuard(small, log, 'ledger'), reports)
  }
  const { openSqliteLedger } = await import('./sqlite/sqlite-ledger.ts')
  return guardedLedger(await openSqliteLedger(directory, calendar.timeZone), guard(SQLITE_TIMEOUT_MS), reports)
}
