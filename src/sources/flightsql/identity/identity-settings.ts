import { z } from 'zod'
import { secret } from '../../../config/setting/value.ts'

const login = z.strictObject({
  username: z.string().min(1).optional().describe('User of Dremio to log in as.'),
  password: secret('Password of that user, or a personal access token instead.', { mayBeEmpty: true }).optional(),
  token: secret('Personal access token or access token of the user, instead of user and password.').optional(),
})

/**
 * `sources.<name>.identity` of kind `dremio`: a login of Dremio for each principal or group. Dremio takes a password, a personal access
 * token (as the password or as a bearer token) and its own OAuth access tokens. Its Flight endpoint has no impersonation: inbound
 * impersonation is for the legacy JDBC driver. It takes the token of another issuer only in exchange for one of its own.
 * Source: https://docs.dremio.com/current/developer/arrow-flight (authentication methods),
 * https://docs.dremio.com/current/release-notes/arrow-flight-sql-jdbc ("User impersonation is not yet supported"),
 * https://docs.dremio.com/current/reference/api/oauth-token (exchange).
 */
export const identitySettings = z
  .strictObject({
    mode: z
      .enum(['none', 'impersonate'])
      .default('none')
      .describe(
        '`none`: all callers use the login of the source. `impersonate`: the gateway logs in as the Dremio user of the caller, so that the permissions of Dremio hold for each ([access](access.md#dremio)).',
      ),
    principals: z
      .record(z.string().min(1), login)
      .default({})
      .describe('Logins by the name of the principal, such as `oidc:alice@example.com`.'),
    groups: z
      .record(z.string().min(1), login)
      .default({})
      .describe(
        "Logins by the name of a group, for principals that `principals` does not name. The first one in the file that is a group of the caller's counts.",
      ),
    others: z
      .enum(['refuse', 'own'])
      .default('refuse')
      .describe('Callers for whom no login stands: their statements are refused, or use the login of the source.'),
  })
  .optional()
  .describe('Passes the identity of the caller on to Dremio.')

/** A login of Dremio. */
export type CallerLogin = z.output<typeof login>

/** Which login stands for which caller. */
export type IdentitySettings = NonNullable<z.output<typeof identitySettings>>
