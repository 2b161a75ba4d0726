import type { Logger } from '../query/types.ts'

const CHECK_MS = 3_600_000
const DAY_MS = 24 * 3_600_000
/** How long before its end the log warns of a key. */
const NOTICE_MS = 14 * DAY_MS

/** Tells when principals lose their last API key, in Unix milliseconds. */
interface KeyExpiries {
  keyExpiries(): readonly { readonly principal: string; readonly expiresAt: number }[]
}

/**
 * Warns once a day of principals that lose their last API key within 14 days, or have lost it.
 * @returns a function that stops the warnings
 */
export function watchKeyExpiry(keys: KeyExpiries, log: Logger): () => void {
  const warnedAt = new Map<string, number>()
  const check = () => {
    const now = Date.now()
    for (const { principal, expiresAt } of keys.keyExpiries()) {
      if (expiresAt - now > NOTICE_MS || now - (warnedAt.get(principal) ?? 0) < DAY_MS) continue
      warnedAt.set(principal, now)
      const fields = { event: 'api_key_expiry', principal, expiresAt: new Date(expiresAt).toISOString() }
      log.warn(
        fields,
        expiresAt > now ? 'the last API key of a principal ends soon' : 'the last API key of a principal has ended',
      )
    }
  }
  check()
  const timer = setInterval(check, CHECK_MS).unref()
  return () => clearInterval(timer)
}
