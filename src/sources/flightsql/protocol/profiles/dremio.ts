import type { DremioSession } from '../../settings.ts'
import type { Profile } from './profile.ts'

const headerNames: Readonly<Record<keyof DremioSession, string>> = {
  schema: 'schema',
  routingQueue: 'routing_queue',
  routingTag: 'routing_tag',
  routingEngine: 'routing_engine',
  quoting: 'quoting',
  projectId: 'project_id',
}

/**
 * Dremio has no DoPut, no parameters, no catalogs and no keys. It runs changes as queries, and reads session properties from
 * headers when the session begins.
 * Source: https://docs.dremio.com/current/client-applications/arrow-flight/; services/arrow-flight of dremio-oss 25.2.
 */
export const dremioProfile: Profile = {
  dialect: 'dremio',
  sessionHeaders(session) {
    const pairs = Object.entries(session).filter(([, value]) => value !== undefined)
    return Object.fromEntries(pairs.map(([name, value]) => [headerNames[name as keyof DremioSession], value as string]))
  },
  sessionOptions: () => ({}),
  isLostSession: ({ message }) => message.includes('UserSession is not available'),
  classifiesErrors: true,
  reusableTickets: true,
  updatesByQuery: true,
  preparesStatements: false,
  hasTransactions: false,
  hasIngestion: false,
  hasCatalogs: false,
  hasKeys: false,
}
