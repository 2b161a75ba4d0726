import { createHash } from 'node:crypto'
import { z } from 'zod'
import { clientCertificatesSchema } from './sections/client-certificates.ts'
import { groupName } from './sections/cost.ts'
import { oidcSchema } from './sections/oidc.ts'
import { quotasSchema } from './sections/quotas.ts'
import { roleName } from './sections/roles.ts'
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

const EXPIRY_FORM = 'must be a time with its zone, such as 2027-01-31T00:00:00Z'

const apiKeySchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')
      .describe(
        'Name of the principal, in logs and tickets. Several entries with one name are several keys of one principal, so that a key can be replaced without an outage; the first entry has the other settings, which the others leave out or repeat.',
      ),
    key: secret('The key itself, or `sha256:` and the 64 hex digits of its SHA-256.').refine(
      (key) => !key.startsWith(HASH_PREFIX) || /^sha256:[0-9a-fA-F]{64}$/.test(key),
      'must be sha256: followed by 64 hex digits',
    ),
    roles: z
      .array(roleName)
      .min(1)
      .max(100)
      .optional()
      .describe(
        '`reader` may read and estimate. `writer` may also change data in sources that allow it. `operator` sees and controls the statements, usage and costs of others, and reads no data. `admin` may do everything. `roles` adds roles of your own ([access](access.md)). By default `reader`.',
      ),
    expiresAt: z.iso
      .datetime({ offset: true, error: EXPIRY_FORM })
      .transform((text) => Date.parse(text))
      .optional()
      .describe(
        'When the key ends, such as `2027-01-31T00:00:00Z`. By default it does not. The log warns 14 days ahead, and `flightgate_api_key_expires_timestamp_seconds` has the time.',
      ),
    defaultSource: z.string().optional().describe('Source of calls that name no source.'),
    statementTimeoutMs: optionalWholeNumber(
      'Time limit for a statement of this principal to run and be read. By default only the deadline of the call applies.',
      { min: 1, max: 30 * 86_400_000 },
    ),
    quotas: quotasSchema.optional().describe('Quotas of this principal, each instead of the general one.'),
    groups: z.array(groupName).max(20).optional().describe('Groups of this principal, of those in `groups`.'),
    budgets: budgetSchema.optional().describe('What the statements of this principal may cost.'),
  })
  .transform(({ name, key, roles, expiresAt, defaultSource, statementTimeoutMs, quotas, groups, budgets }) => ({
    name,
    ...(roles !== undefined && { roles }),
    sha256: hashOf(key),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(defaultSource !== undefined && { defaultSource }),
    ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
    ...(quotas !== undefined && { quotas }),
    ...(groups !== undefined && { groups }),
    ...(budgets !== undefined && { budgets }),
  }))

type KeyEntry = z.output<typeof apiKeySchema>

/** Settings of a principal, which all its keys share. */
const principalSettings = ['roles', 'defaultSource', 'statementTimeoutMs', 'quotas', 'groups', 'budgets'] as const

/** Gives all keys of a principal the settings of its first one. Reports those that differ. */
function sharedSettings(entries: readonly KeyEntry[], context: z.RefinementCtx) {
  return entries.map(({ name, sha256, expiresAt, ...own }, i) => {
    const first = entries.findIndex((each) => each.name === name)
    const { name: _name, sha256: _hash, expiresAt: _end, roles = ['reader'], ...shared } = entries[first]!
    for (const setting of principalSettings)
      if (own[setting] !== undefined && JSON.stringify(own[setting]) !== JSON.stringify(entries[first]![setting]))
        context.addIssue({
          code: 'custom',
          path: [i, setting],
          message: `differs from that of auth.apiKeys[${first}], another key of ${name}: leave it out here`,
        })
    return { name, sha256, ...(expiresAt !== undefined && { expiresAt }), roles, ...shared }
  })
}

/** Schema of `auth`. */
export const authSchema = z.strictObject({
  apiKeys: z
    .array(apiKeySchema)
    .default([])
    .transform(sharedSettings)
    .describe(
      'Principals that may call. Without any, and without other settings of `auth` by which callers authenticate, all calls are anonymous and the gateway listens only on loopback addresses.',
    ),
  oidc: oidcSchema,
  clientCertificates: clientCertificatesSchema,
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

/** Whether callers need no credentials. */
export function takesAnyone({ apiKeys, oidc, clientCertificates }: z.output<typeof authSchema>): boolean {
  return apiKeys.length === 0 && oidc.length === 0 && clientCertificates === undefined
}
