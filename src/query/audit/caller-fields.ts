import type { AuditedCall, AuditFields } from './audit-trail.ts'

/** How a caller has shown who it is. */
export type Authentication = 'none' | 'api_key' | 'basic' | 'token' | 'oidc' | 'cookie' | 'certificate'

/** Prefix of the bearer tokens that the gateway issues. */
const OWN_TOKEN = 'fgt_'
/** A JSON web token: three parts in base64url, the last one empty if it is not signed. */
const jsonWebToken = /^[\w-]+\.[\w-]+\.[\w-]*$/
/** Most of what a client can tell in a header, in characters. */
const MAX_TOLD_CHARACTERS = 200
const traceParentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/

/** What a line tells of who made a call. Credentials are never part of it. */
export function callerFields(call: AuditedCall): AuditFields {
  const { requestId, principal, peer, front, metadata = {}, trace } = call
  return {
    requestId,
    ...(trace?.queryId !== undefined && { queryId: trace.queryId }),
    front: front ?? null,
    client: peer ?? null,
    ...told('forwardedFor', first(metadata['x-forwarded-for']) ?? first(metadata['forwarded'])),
    principal: principal?.name ?? null,
    authentication: authenticationOf(metadata, principal?.name),
    roles: principal?.roles ?? [],
    groups: principal?.groups ?? [],
    traceId: traceParentForm.exec(first(metadata['traceparent']) ?? '')?.[1] ?? null,
  }
}

/** How the headers of a call authenticate it. */
export function authenticationOf(
  metadata: NonNullable<AuditedCall['metadata']>,
  principal: string | undefined,
): Authentication {
  if (principal === 'anonymous') return 'none'
  const authorization = first(metadata['authorization']) ?? ''
  const kind = authorization.slice(0, authorization.indexOf(' ')).toLowerCase()
  const value = authorization.slice(kind.length + 1).trim()
  if (first(metadata['x-api-key']) !== undefined) return 'api_key'
  if (kind === 'basic') return 'basic'
  if (kind === 'bearer') return value.startsWith(OWN_TOKEN) ? 'token' : jsonWebToken.test(value) ? 'oidc' : 'api_key'
  if (first(metadata['auth-token-bin'])) return 'token'
  if (principal?.startsWith('cert:')) return 'certificate'
  if (first(metadata['cookie'])) return 'cookie'
  return principal === undefined ? 'none' : 'certificate'
}

/** What a client or a proxy tells and nobody has checked. */
function told(name: string, value: string | undefined): AuditFields {
  return value === undefined ? {} : { [name]: value.slice(0, MAX_TOLD_CHARACTERS) }
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value
}
