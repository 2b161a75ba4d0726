import type { AdminAction, AdminObserver } from '../../query/admin/admin-action.ts'
import type { AuditTrail } from '../../query/audit/audit-trail.ts'
import type { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'

/** Writes one line into the log and one into the audit log for each action of an operator, also for a refused one. */
export class AdminLog implements AdminObserver {
  readonly #trail: AuditTrail | undefined

  /** @param trail absent without an audit log */
  constructor(trail: AuditTrail | undefined) {
    this.#trail = trail
  }

  onAdminAction(ctx: Context, { action, ...about }: AdminAction, failure: GatewayError | undefined): void {
    const outcome = failure?.code ?? 'OK'
    const { requestId, principal, log } = ctx
    const fields = { event: 'admin', action, requestId, principal: principal.name, ...about, outcome }
    if (failure) log.warn(fields, 'action of an operator refused or failed')
    else log.info(fields, 'action of an operator')
    this.#trail?.record('admin', ctx, { action, ...about, outcome })
  }
}
