import { GatewayError } from '../errors.ts'
import type { Principal } from '../types.ts'

/**
 * Returns the principal with this name. One that authenticates by a token has no settings of its own.
 * @param principals those with API keys
 * @throws GatewayError UNKNOWN_PRINCIPAL if no API key has the name
 */
export function principalNamed(principals: readonly Principal[], name: string): Principal {
  const principal = principals.find((each) => each.name === name)
  // No list has the names that tokens give; only those have a colon.
  if (!principal && name.includes(':')) return { name, roles: [] }
  if (!principal)
    throw new GatewayError('UNKNOWN_PRINCIPAL', `There is no principal "${name.slice(0, 100)}" in auth.apiKeys.`)
  return principal
}
