import { createHash } from 'node:crypto'
import { z } from 'zod'
import { groupName } from './sections/cost.ts'
import { quotasSchema } from './sections/quotas.ts'
import { budgetSchema } from './setting/budget.ts'
import { optionalWholeNumber, secret, wholeNumber } from './setting/value.ts'

const HASH_PREFIX = 'sha256:'
/** Shortest key that seals tickets and tokens, in characters. */
export const MIN_SEAL_KEY_LENGTH = 32

/** SHA-256 of a key, which is in plain text or `sha256:<hex>`. */
function hashOf(key: string): Buffer {
  return key.startsWith(HASH_PREFIX)
    ? Buffer.from(key.slice(HASH_PREFIX.length), 'hex')
    : createHash('sha256').update(key).digest()
}

const apiKeySchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')
      .describe('Name of the principal, in logs and tickets.'),
    key: secret('The key itself, or `sha256:` and the 64 hex digits of its SHA-256.').refine(
      (key) => !key.startsWith(HASH_PREFIX) || /^sha256:[0-9a-fA-F]{64}$/.test(key),
      'must be sha256: followed by 64 hex digits',
    ),
    roles: z
      .array(z.enum(['reader', 'writer', 'admin']))
      .min(1)
      .default(['reader'])
      .describe('`reader` may read. `writer` and `admin` may also change data in sources that allow it.'),
    defaultSource: z.string().optional().describe('Source of calls that name no source.'),
    statementTimeoutMs: optionalWholeNumber(
      'Time limit for a statement of this principal to run and be read. By default only the deadline of the call applies.',
      { min: 1, max: 30 * 86_400_000 },
    ),
    quotas: quotasSchema.optional().describe('Quotas of this principal, each instead of the general one.'),
    groups: z.array(groupName).max(20).optional().describe('Groups of this principal, of those in `groups`.'),
    budgets: budgetSchema.optional().describe('What the statements of this principal may cost.'),
  })
  .transform(({ name, key, roles, defaultSource, statementTimeoutMs, quotas, groups, budgets }) => ({
    name,
    roles,
    sha256: hashOf(key),
    ...(defaultSource !== undefined && { defaultSource }),
    ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
    ...(quotas !== undefined && { quotas }),
    ...(groups !== undefined && { groups }),
    ...(budgets !== undefined && { budgets }),
  }))

/** Schema of `auth`. */
export const authSchema = z.strictObject({
  apiKeys: z
    .array(apiKeySchema)
    .default([])
    .describe(
      'Principals that may call. Without any, all calls are anonymous and the gateway listens only on loopback addresses.',
    ),
  tokenTtlMs: wholeNumber('Lifetime of the bearer tokens that Handshake issues.', {
    min: 1,
    max: 30 * 86_400_000,
    default: 3_600_000,
  }),
  sealKeys: z
    .array(secret(`Long random text (${MIN_SEAL_KEY_LENGTH} characters or more).`).min(MIN_SEAL_KEY_LENGTH))
    .default([])
    .describe(
      'Keys that seal tickets and tokens: the first seals, all can open. All replicas need the same keys. Without any, the gateway generates a key at start.',
    ),
})
