import { LineLimit } from '../../ops/line-limit.ts'
import type { AuditTrail } from '../../query/audit/audit-trail.ts'
import { type Authentication, authenticationOf } from '../../query/audit/caller-fields.ts'
import { triedLogin } from '../../query/audit/refused-login.ts'
import type { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'

/** Lines a second about calls that strangers can make at network speed. */
const LINES_PER_SECOND = 10

/** A call that has not been authenticated. */
interface RefusedCall extends Pick<Context, 'requestId' | 'peer'> {
  readonly headers?: NonNullable<Context['metadata']>
  readonly metadata?: Context['metadata']
}

/** Records refused credentials in the audit log, within a limit of lines; those left out are counted. */
export class LoginAudit {
  readonly #trail: AuditTrail
  readonly #limit: LineLimit

  constructor(trail: AuditTrail) {
    this.#trail = trail
    this.#limit = new LineLimit(LINES_PER_SECOND, (_kind, omitted) =>
      trail.record('login_failed', undefined, { omitted }),
    )
  }

  /** A call without an authenticated caller ended with an error. */
  onRefused(call: RefusedCall, front: string, error: GatewayError): void {
    if (error.grpc !== 'UNAUTHENTICATED' || !this.#limit.admits('login')) return
    const { requestId, peer } = call
    const metadata = call.metadata ?? call.headers
    const authentication = triedWith(metadata, error)
    this.#trail.record(
      'login_failed',
      { requestId, peer, front, metadata },
      { authentication, outcome: error.code, reason: error.publicMessage },
    )
  }

  /** Records the number of lines that were left out. */
  close(): void {
    this.#limit.flush()
  }
}

/** What the caller tried. Only the authenticator knows of certificates, and of headers that the front has dropped. */
function triedWith(metadata: NonNullable<Context['metadata']> | undefined, error: GatewayError): Authentication {
  const noted = triedLogin(error)
  const told = authenticationOf(metadata ?? {}, undefined)
  return noted !== undefined && (noted === 'certificate' || told === 'none') ? noted : told
}
