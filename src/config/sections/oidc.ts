import { z } from 'zod'
import { optionalWholeNumber, wholeNumber } from '../setting/value.ts'
import { groupName } from './cost.ts'

/** Signatures that tokens may have: with a public key only, so that nobody who can check a token can make one. */
export const tokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

const loopbacks = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A URL that nobody on the network can answer for its owner. */
export const safeUrl = (about: string) =>
  z
    .string()
    .refine((text) => {
      const url = URL.parse(text)
      return url?.protocol === 'https:' || (url?.protocol === 'http:' && loopbacks.has(url.hostname))
    }, 'must be a URL that begins with https:// (http:// only for this machine)')
    .describe(about)

const roleName = z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')
const values = z.array(z.string().min(1)).min(1)
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const issuerSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.@-]{1,32}$/, 'must be 1 to 32 letters, digits, or any of . _ @ -')
    .refine((name) => name !== 'cert', 'cert: is what names of certificates begin with: choose another name')
    .default('oidc')
    .describe(
      'What the names of its principals begin with, as in `oidc:alice@example.com`, so that they never meet those of API keys or of another issuer.',
    ),
  issuer: safeUrl('URL of the issuer, exactly as the claim `iss` of its tokens has it.'),
  audience: z
    .string()
    .min(1)
    .describe('What the claim `aud` of a token must hold: the name of this gateway at the issuer.'),
  jwksUri: safeUrl(
    'URL of the keys of the issuer. By default `jwks_uri` of its document `/.well-known/openid-configuration`.',
  ).optional(),
  algorithms: z
    .array(z.enum(tokenAlgorithms))
    .min(1)
    .default([...tokenAlgorithms])
    .describe('Signatures that tokens may have.'),
  clockToleranceMs: wholeNumber('How far the clocks of issuer and gateway may differ.', {
    min: 0,
    max: 10 * MINUTE_MS,
    default: MINUTE_MS,
  }),
  maxTokenAgeMs: optionalWholeNumber('Oldest token that counts, by its claim `iat`. By default its own end decides.', {
    min: 1000,
    max: 365 * DAY_MS,
  }),
  keysRefreshMs: wholeNumber('How often the gateway fetches the keys anew, when tokens come.', {
    min: 1000,
    max: DAY_MS,
    default: 10 * MINUTE_MS,
  }),
  keysCooldownMs: wholeNumber(
    'Shortest time between two fetches, for tokens with a key that the gateway does not know.',
    { min: 0, max: 60 * MINUTE_MS, default: 30_000 },
  ),
  keysMaxAgeMs: wholeNumber('How long keys count while the issuer does not answer.', {
    min: 1000,
    max: 30 * DAY_MS,
    default: DAY_MS,
  }),
  timeoutMs: wholeNumber('Time limit of a request to the issuer.', { min: 100, max: 60_000, default: 5000 }),
  claims: z
    .strictObject({
      principal: z
        .string()
        .min(1)
        .default('sub')
        .describe('Claim with the name of the principal; it must be one that users cannot choose themselves.'),
      groups: z.string().min(1).default('groups').describe('Claim with the groups of the caller.'),
      roles: z
        .string()
        .min(1)
        .optional()
        .describe('Claim with names of roles of this gateway. By default only `roles` gives them.'),
    })
    .prefault({})
    .describe('What the gateway reads from a token. A dot leads into a claim, as in `realm_access.roles`.'),
  roles: z
    .record(roleName, values)
    .default({})
    .describe('Groups whose members have a role, by the name of the role; `*` is every caller with a valid token.'),
  groups: z
    .record(groupName, values)
    .default({})
    .describe(
      'Groups of the issuer whose members belong to a group in `groups`, by its name. A group of the same name belongs to it anyway.',
    ),
  defaultRoles: z
    .array(roleName)
    .default([])
    .describe('Roles of callers with a valid token to whom nothing else gives one. Without any they are refused.'),
})

/** Schema of `auth.oidc`. */
export const oidcSchema = z
  .array(issuerSchema)
  .default([])
  .describe('OpenID Connect issuers whose tokens callers may bring ([identity](identity.md#openid-connect)).')

/** Settings of an issuer. */
export type OidcSettings = z.output<typeof issuerSchema>

/** Problems between issuers, one line each. */
export function issuerProblems(issuers: readonly OidcSettings[]): string[] {
  return issuers.flatMap(({ name, issuer, keysRefreshMs, keysMaxAgeMs }, i) => {
    const earlier = issuers.slice(0, i)
    const at = `auth.oidc[${i}]`
    return [
      ...(earlier.some((each) => each.name === name) ? [`${at}.name: another issuer has the name ${name}`] : []),
      ...(earlier.some((each) => each.issuer === issuer) ? [`${at}.issuer: another entry has the same issuer`] : []),
      ...(keysRefreshMs > keysMaxAgeMs ? [`${at}.keysRefreshMs: ${keysRefreshMs} is above keysMaxAgeMs`] : []),
    ]
  })
}
