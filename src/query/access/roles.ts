import { hash } from 'node:crypto'
import type { Principal } from '../types.ts'
import { type Grant, type RoleGrants, verbs } from './grant.ts'

const reader: readonly Grant[] = [{ verbs: ['read', 'estimate'] }]

/** The roles that every gateway has. */
export const builtInRoles = {
  reader: { grants: reader },
  writer: { grants: [...reader, { verbs: ['write', 'ingest'] }] },
  operator: { grants: [{ verbs: ['operate'] }] },
  admin: { grants: [{ verbs: [...verbs] }] },
} as const satisfies RoleGrants

/** Names of the roles that every gateway has. */
export const builtInRoleNames: readonly string[] = Object.keys(builtInRoles)

const lower = (names: readonly string[] | undefined) => names?.map((name) => name.toLowerCase())

/**
 * Everything that some roles grant, with names in lower case. A role that does not exist grants nothing.
 * @param configured the roles of the configuration
 */
export function grantsOfRoles(roles: readonly string[], configured: RoleGrants = {}): readonly Grant[] {
  const known = new Map(Object.entries<RoleGrants[string]>({ ...configured, ...builtInRoles }))
  return [...new Set(roles)].flatMap((role) =>
    (known.get(role)?.grants ?? []).map((grant) => ({
      verbs: grant.verbs,
      ...(grant.sources && { sources: lower(grant.sources)! }),
      ...(grant.schemas && { schemas: lower(grant.schemas)! }),
      ...(grant.tables && { tables: lower(grant.tables)! }),
    })),
  )
}

const ofBuiltInRoles = new WeakMap<readonly string[], readonly Grant[]>()

/** The grants of a principal. One whose roles nobody has resolved has those of the built-in roles. */
export function grantsOf({ roles, grants }: Pick<Principal, 'roles' | 'grants'>): readonly Grant[] {
  if (grants) return grants
  let known = ofBuiltInRoles.get(roles)
  if (!known) {
    known = grantsOfRoles(roles)
    ofBuiltInRoles.set(roles, known)
  }
  return known
}

/** Digest of what a principal is granted: another one when its grants are others. */
export function grantsDigest(principal: Pick<Principal, 'roles' | 'grants'>): string {
  return hash('sha256', JSON.stringify(grantsOf(principal)), 'base64url').slice(0, 22)
}
