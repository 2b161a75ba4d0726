import { z } from 'zod'
import { secret } from '../setting/value.ts'
import { safeUrl } from './oidc.ts'

/** Schema of `console`. */
export const consoleSchema = z.strictObject({
  oidc: z
    .strictObject({
      issuer: z.string().describe('Issuer, one of those in `auth.oidc`, which says what its callers are and may do.'),
      clientId: z.string().min(1).describe('Client of the issuer for the console.'),
      clientSecret: secret('Secret of the client. Without one it is a public client.').optional(),
      publicUrl: safeUrl(
        'Address at which browsers reach the HTTP port. The issuer must allow `PUBLIC_URL/console/login/callback` as redirect URI.',
      ),
      scopes: z
        .string()
        .regex(/^openid( \S+)*$/, 'must be scopes, separated by spaces, of which openid is the first')
        .default('openid profile email')
        .describe('Scopes that the console asks for. The claims of `auth.oidc[].claims` must be in the ID token.'),
    })
    .optional()
    .describe('Login to the console at an OpenID Connect issuer ([identity](identity.md#the-console)).'),
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Whether the HTTP port serves the web console at `/console`, and takes the cookie of those who have logged in there.',
    ),
})
