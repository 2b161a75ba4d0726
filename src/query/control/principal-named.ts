import { GatewayError } from '../errors.ts'
import type { Principal } from '../types.ts'

/**
 * Returns the principal with this name.
 * @param principals those with API keys
 * @throws GatewayError UNKNOWN_PRINCIPAL if no API key has the name
 */
export function principalNamed(principals: readonly Principal[], name: string): Principal {
  const principal = principals.find((each) => each.name === name)
  if (!principal)
    throw new GatewayError('UNKNOWN_PRINCIPAL', `There is no principal "${name.slice(0, 100)}" in auth.apiKeys.`)
  return principal
}
