import { allows, type Grantee } from './allows.ts'
import { grantsOf } from './roles.ts'

/** Names of sources in lower case; `all` includes those that are added later. */
export type Operated = 'all' | readonly string[]

/** The sources at which a principal may see and control what belongs to others. */
export function operatedSources(principal: Pick<Grantee, 'roles' | 'grants'>): Operated {
  if (allows(principal, 'operate')) return 'all'
  return grantsOf(principal).flatMap(({ verbs, sources }) => (verbs.includes('operate') ? (sources ?? []) : []))
}

/** Whether a caller may see and control something: its own, and all at the sources that it may operate. */
export function mayControl(
  of: { readonly principal: string; readonly source: string },
  by: string,
  operated: Operated,
): boolean {
  return of.principal === by || operated === 'all' || operated.includes(of.source.toLowerCase())
}
