import type { AdminAction, AdminObserver } from '../query/admin/admin-action.ts'
import type { GatewayError } from '../query/errors.ts'
import type { Context } from '../query/types.ts'

/** Writes one line into the log for each action of an operator, also for a refused one. */
export class AdminLog implements AdminObserver {
  onAdminAction(ctx: Context, { action, ...about }: AdminAction, failure: GatewayError | undefined): void {
    const fields = {
      event: 'admin',
      action,
      requestId: ctx.requestId,
      principal: ctx.principal.name,
      ...about,
      outcome: failure?.code ?? 'OK',
    }
    if (failure) ctx.log.warn(fields, 'action of an operator refused or failed')
    else ctx.log.info(fields, 'action of an operator')
  }
}
