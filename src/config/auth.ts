import { createHash } from 'node:crypto'
import { z } from 'zod'
import { optionalWholeNumber, secret, wholeNumber } from './setting/value.ts'

const HASH_PREFIX = 'sha256:'
const MIN_SEAL_KEY_LENGTH = 32

/** SHA-256 of a key given plainly or as `sha256:<hex>`. */
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
      .describe('`reader` reads; `writer` and `admin` may also change data where a source allows it.'),
    defaultSource: z.string().optional().describe('Source of calls that name none.'),
    statementTimeoutMs: optionalWholeNumber(
      'Time in which a statement of this principal must have run and been read; by default only the deadlines of calls end it.',
      { min: 1, max: 30 * 86_400_000 },
    ),
  })
  .transform(({ name, key, roles, defaultSource, statementTimeoutMs }) => ({
    name,
    roles,
    sha256: hashOf(key),
    ...(defaultSource !== undefined && { defaultSource }),
    ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
  }))

/** `auth`. */
export const authSchema = z.strictObject({
  apiKeys: z
    .array(apiKeySchema)
    .default([])
    .describe('Who may call. With none, everyone is anonymous and only loopback addresses are allowed.'),
  tokenTtlMs: wholeNumber('Life of the bearer token that Handshake answers with.', {
    min: 1,
    max: 30 * 86_400_000,
    default: 3_600_000,
  }),
  sealKeys: z
    .array(secret(`Long random text (${MIN_SEAL_KEY_LENGTH} characters or more).`).min(MIN_SEAL_KEY_LENGTH))
    .default([])
    .describe(
      'Keys that seal tickets and tokens: the first seals, all open. Give every replica the same. With none, a key is made at start.',
    ),
})
