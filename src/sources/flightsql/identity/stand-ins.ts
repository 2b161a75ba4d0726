import type { Principal } from '../../../query/types.ts'
import type { CallerLogin, IdentitySettings } from './identity-settings.ts'

/** A login of the settings. */
export interface StandIn {
  /** The callers, such as `the group finance`. */
  readonly standsFor: string
  readonly login: CallerLogin
}

/** All logins of the settings. */
export function standIns({ principals, groups }: IdentitySettings): readonly StandIn[] {
  return [...Object.entries(principals).map(forPrincipal), ...Object.entries(groups).map(forGroup)]
}

/** The login that stands for a caller: that of its name, else that of the first group in the settings that is one of its own. */
export function standInOf(
  { principals, groups: ofGroups }: IdentitySettings,
  { name, groups = [] }: Principal,
): StandIn | undefined {
  if (Object.hasOwn(principals, name)) return forPrincipal([name, principals[name]!])
  const found = Object.entries(ofGroups).find(([group]) => groups.includes(group))
  return found && forGroup(found)
}

function forPrincipal([name, login]: [string, CallerLogin]): StandIn {
  return { standsFor: `the principal ${name}`, login }
}

function forGroup([name, login]: [string, CallerLogin]): StandIn {
  return { standsFor: `the group ${name}`, login }
}
