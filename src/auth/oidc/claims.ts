import { GatewayError } from '../../query/errors.ts'
import type { IssuerSettings } from './issuer-settings.ts'

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** What a token says of its caller, in names of the gateway. */
export interface MappedClaims {
  readonly name: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
}

/** Names that the configuration has. */
export interface KnownNames {
  readonly roles: readonly string[]
  readonly groups: readonly string[]
}

/** Longest name of a principal, in bytes: sealed values hold it with one byte for its length. */
const MAX_NAME_BYTES = 200
/** Groups of a token beyond this number do not count. */
const MAX_GROUPS = 10_000
/** Claims whose text is a list. Source: RFC 8693, section 4.2; `scp` is that of Entra ID. */
const spaceSeparated = new Set(['scope', 'scp'])
const printable = /^[^\p{C}\p{Z}]+( [^\p{C}\p{Z}]+)*$/u

/**
 * Maps the claims of a valid token.
 * @param names groups and roles of the configuration
 * @throws GatewayError UNAUTHENTICATED if the token does not name its caller, FORBIDDEN if nothing gives the caller a role
 */
export function mapClaims(claims: Claims, settings: IssuerSettings, names: KnownNames): MappedClaims {
  const name = nameOf(claims, settings)
  const groups = new Set(textsOf(claims, settings.claims.groups))
  const has = (members: readonly string[]) => members.some((member) => member === '*' || groups.has(member))
  const given = settings.claims.roles === undefined ? [] : textsOf(claims, settings.claims.roles)
  const byGroup = Object.entries(settings.roles).flatMap(([role, members]) => (has(members) ? [role] : []))
  const found = [...new Set([...byGroup, ...given.filter((role) => names.roles.includes(role))])]
  const roles = found.length > 0 ? found : settings.defaultRoles
  if (roles.length === 0) throw new GatewayError('FORBIDDEN', withoutRole(name, claims, settings))
  const ownGroups = names.groups.filter((group) => groups.has(group) || has(settings.groups[group] ?? []))
  return { name, roles, groups: ownGroups }
}

function nameOf(claims: Claims, { name: issuer, claims: { principal } }: IssuerSettings): string {
  const value = claimValue(claims, principal)
  const verified = claims['email_verified']
  // Some issuers send it as a text.
  if (principal === 'email' && verified !== undefined && verified !== true && verified !== 'true')
    throw new GatewayError('UNAUTHENTICATED', 'The issuer has not verified the e-mail address of the token.')
  const name = `${issuer}:${value}`
  if (typeof value !== 'string' || !printable.test(value) || Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new GatewayError(
      'UNAUTHENTICATED',
      `The token does not name its caller: its claim ${principal} must be a text of at most ${MAX_NAME_BYTES} bytes.`,
    )
  return name
}

function withoutRole(name: string, claims: Claims, settings: IssuerSettings): string {
  const { groups, roles } = settings.claims
  const looked = [groups, ...(roles === undefined ? [] : [roles])]
  const [missing] = looked.filter((claim) => claimValue(claims, claim) === undefined)
  const why =
    missing === undefined
      ? `${looked.length === 1 ? `its claim ${groups} names` : `its claims ${looked.join(' and ')} name`} none that gives a role`
      : `it has no claim ${missing}`
  return `The token of ${name} gives no role: ${why} (auth.oidc, ${settings.name}).`
}

function textsOf(claims: Claims, claim: string): string[] {
  const value = claimValue(claims, claim)
  if (typeof value === 'string') return spaceSeparated.has(claim) ? value.split(' ') : [value]
  return Array.isArray(value) ? value.slice(0, MAX_GROUPS).filter((each) => typeof each === 'string') : []
}

/** The value of a claim. A name with dots leads into objects, unless a claim has exactly this name. */
function claimValue(claims: Claims, claim: string): unknown {
  if (Object.hasOwn(claims, claim)) return claims[claim]
  let at: unknown = claims
  for (const part of claim.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = (at as Claims)[part]
  }
  return at
}
