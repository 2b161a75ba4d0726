import type { Profile } from './profile.ts'

/** A server that follows the Flight SQL specification. */
export const standardProfile: Profile = {
  dialect: 'standard',
  sessionHeaders: () => ({}),
  sessionOptions: ({ schema }) => (schema === undefined ? {} : { schema }),
  isLostSession: () => false,
  classifiesErrors: false,
  reusableTickets: false,
  updatesByQuery: false,
  preparesStatements: true,
  hasTransactions: true,
  hasIngestion: true,
  hasCatalogs: true,
  hasKeys: true,
}
