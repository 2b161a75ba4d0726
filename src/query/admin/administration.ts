import { lacks } from '../access/allows.ts'
import { operatedSources } from '../access/operated.ts'
import type { CacheAdmin, CacheFilter } from '../cache/cache-admin.ts'
import {
  type ActiveFilter,
  type ActiveList,
  type ActiveStatements,
  mayControlOthers,
} from '../control/active-statements.ts'
import { GatewayError } from '../errors.ts'
import type { Context } from '../types.ts'
import type { AdminAction, AdminObserver } from './admin-action.ts'

/** Who asks for an action, and why. */
export interface AdminCall {
  readonly ctx: Context
  /** Why, in the operator's words: for the audit line only. */
  readonly reason?: string | undefined
}

/** Dependencies of `Administration`. */
export interface AdministrationDependencies {
  readonly active: ActiveStatements
  readonly cache: CacheAdmin
  readonly observer: AdminObserver
}

/** What operators may do while the gateway runs. Each action is reported to the observer, also a refused or failed one. */
export class Administration {
  readonly #deps: AdministrationDependencies

  constructor(deps: AdministrationDependencies) {
    this.#deps = deps
  }

  /** Lists the statements of all principals at the sources that the caller may operate, and its own. @throws GatewayError FORBIDDEN without the grant; as `ActiveStatements.list` */
  async queries(call: AdminCall, filter: ActiveFilter): Promise<ActiveList> {
    // Reading changes nothing: only a refusal is reported.
    if (!operatesAny(call)) return await this.#report(call, { action: 'list_statements' }, neverRuns)
    return await this.#deps.active.list(call.ctx.principal, filter)
  }

  /** Ends a statement on any replica. @throws GatewayError FORBIDDEN without the grant; as `ActiveStatements.cancel` */
  async kill(call: AdminCall, id: string): Promise<void> {
    const cancel = () => this.#deps.active.cancel(id, call.ctx.principal)
    await this.#report(call, { action: 'cancel_statement', target: id }, cancel, operatesAny(call))
  }

  /**
   * Ends a statement: one of the caller's own, or any for operators, whose cancels count as actions of operators.
   * @throws GatewayError as `ActiveStatements.cancel`
   */
  async cancel(call: AdminCall, id: string): Promise<void> {
    if (operatesAny(call)) await this.kill(call, id)
    else await this.#deps.active.cancel(id, call.ctx.principal)
  }

  /**
   * Clears entries of the result cache on all replicas.
   * @returns the number of entries that this process had
   * @throws GatewayError FORBIDDEN without the grant; as `CacheAdmin.clear`
   */
  async clearCache(call: AdminCall, filter: CacheFilter): Promise<number> {
    const chosen = Object.entries(filter).filter(([, value]) => value !== undefined)
    const about = { action: 'clear_cache', source: filter.source, details: Object.fromEntries(chosen) } as const
    return await this.#report(call, about, () => this.#deps.cache.clear(filter, call.ctx.principal))
  }

  /**
   * Runs an action of an operator and reports how it ended.
   * @param isAllowed whether the caller may do it; by default whether it may operate the source of the action, or else all sources
   * @throws GatewayError FORBIDDEN; what `run` throws
   */
  async #report<T>(
    call: AdminCall,
    about: AdminAction,
    run: () => Promise<T>,
    isAllowed = mayControlOthers(call.ctx.principal, about.source),
  ): Promise<T> {
    const { ctx, reason } = call
    const report = (failure?: GatewayError) => this.#deps.observer.onAdminAction(ctx, { ...about, reason }, failure)
    try {
      if (!isAllowed) throw lacks(ctx.principal, 'operate', { source: about.source })
      const result = await run()
      report()
      return result
    } catch (thrown) {
      report(GatewayError.from(thrown))
      throw thrown
    }
  }
}

/** Whether the caller may operate a source at least. */
function operatesAny({ ctx }: AdminCall): boolean {
  return operatedSources(ctx.principal).length > 0
}

function neverRuns(): Promise<never> {
  throw new GatewayError('FORBIDDEN')
}
