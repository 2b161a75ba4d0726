import type { Logger } from 'pino'
import type { Authenticator } from '../../auth/authenticator.ts'
import { ConsoleLogin } from '../../auth/oidc/console-login.ts'
import type { Config } from '../../config/config.ts'
import type { Sealer } from '../../query/seal/sealer.ts'

/** Creates the console's login at an issuer; undefined if none is configured. */
export function openConsoleLogin(
  { config, sealer, log }: { readonly config: Config; readonly sealer: Sealer; readonly log: Logger },
  authenticator: Authenticator,
): ConsoleLogin | undefined {
  const { console, auth } = config
  const { name } = auth.oidc.find(({ issuer }) => issuer === console.oidc?.issuer) ?? {}
  if (!console.enabled || !console.oidc || name === undefined) return undefined
  const identify = (token: string, clientId: string) => authenticator.identifyIdToken(token, clientId)
  return new ConsoleLogin({ ...console.oidc, name }, { sealer, log, identify })
}
