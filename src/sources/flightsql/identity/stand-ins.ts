import { type CallerEntry, entryOfCaller } from '../../../config/setting/caller-entry.ts'
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
  const all = (kind: CallerEntry<CallerLogin>['kind'], logins: Readonly<Record<string, CallerLogin>>) =>
    Object.entries(logins).map(([name, value]) => standIn({ kind, name, value }))
  return [...all('principal', principals), ...all('group', groups)]
}

/** The login that stands for a caller. */
export function standInOf(settings: IdentitySettings, principal: Principal): StandIn | undefined {
  const found = entryOfCaller(settings, principal)
  return found && standIn(found)
}

function standIn({ kind, name, value }: CallerEntry<CallerLogin>): StandIn {
  return { standsFor: `the ${kind} ${name}`, login: value }
}
