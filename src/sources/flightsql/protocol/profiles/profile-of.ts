import type { FlightSqlConfig } from '../../settings.ts'
import { dremioProfile } from './dremio.ts'
import type { Profile } from './profile.ts'
import { standardProfile } from './standard.ts'

const profiles: Readonly<Record<FlightSqlConfig['kind'], Profile>> = {
  flightsql: standardProfile,
  dremio: dremioProfile,
}

/** The profile of the servers of a kind. */
export function profileOf(kind: FlightSqlConfig['kind']): Profile {
  return profiles[kind]
}
