import type { Profile } from './profile.ts'

/** A server that follows the Flight SQL specification. */
export const standardProfile: Profile = {
  sessionHeaders: () => ({}),
  isLostSession: () => false,
  updatesByQuery: false,
  preparesStatements: true,
  hasCatalogs: true,
  hasKeys: true,
}
