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
import type { OtherReplicas, ReplicaBus } from '../replicas/replica-questions.ts'
import type { Router } from '../router.ts'
import type { BreakerMode, Source } from '../source.ts'
import type { Context, Principal } from '../types.ts'
import type { AdminAction, AdminObserver } from './admin-action.ts'
import type { AppliedReload, ConfigReloader } from './config-reloader.ts'
import { type ActionReach, type ProcessAction, ProcessActions } from './process-actions.ts'
import type { SourceDrains } from './source-drains.ts'

/** Who asks for an action, and why. */
export interface AdminCall {
  readonly ctx: Context
  /** Why, in the operator's words: for the audit line only. */
  readonly reason?: string | undefined
}

/** Gives this process a new key for what it seals. */
export interface KeyRotation {
  /** Why keys cannot be rotated by command, with what to do instead; undefined if they can. */
  readonly obstacle: string | undefined
  rotate(): void
}

/** Dependencies of `Administration`. */
export interface AdministrationDependencies {
  readonly active: ActiveStatements
  readonly cache: CacheAdmin
  readonly router: Router
  readonly drains: SourceDrains
  readonly keys: KeyRotation
  readonly bus: ReplicaBus
  readonly replicas: OtherReplicas
  readonly reloader: ConfigReloader
  readonly observer: AdminObserver
}

const MAX_REASON_CHARACTERS = 500

/** What operators may do while the gateway runs. Each action is reported to the observer, also a refused or failed one. */
export class Administration {
  readonly #deps: AdministrationDependencies
  readonly #everywhere: ProcessActions

  constructor(deps: AdministrationDependencies) {
    this.#deps = deps
    this.#everywhere = new ProcessActions(deps.bus, deps.replicas, (action) => this.#apply(action))
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
   * Ends a statement: one of the caller's own, or any for operators, whose cancels count as actions of operators. So do those of
   * others that fail: they may have tried the statement of another principal.
   * @throws GatewayError as `ActiveStatements.cancel`
   */
  async cancel(call: AdminCall, id: string): Promise<void> {
    if (operatesAny(call)) {
      await this.kill(call, id)
      return
    }
    try {
      await this.#deps.active.cancel(id, call.ctx.principal)
    } catch (thrown) {
      await this.refuse(call, { action: 'cancel_statement', target: id }, GatewayError.from(thrown))
    }
  }

  /**
   * Requires the grant of an action before the rest of its request is read, and reports a refusal.
   * @param reach whether the action is about the source that it names, about all, or about any that the caller may operate
   * @throws GatewayError FORBIDDEN
   */
  async admit(call: AdminCall, about: AdminAction, reach: 'any' | 'all' | 'source'): Promise<void> {
    const { principal } = call.ctx
    const source = reach === 'source' ? this.#sourceName(about.source ?? '', principal) : undefined
    const isAllowed = reach === 'any' ? operatesAny(call) : mayControlOthers(principal, source)
    if (!isAllowed) await this.#report(call, { ...about, source }, neverRuns, false)
  }

  /** Reports an action that is refused for another reason than a grant. @throws the error */
  async refuse(call: AdminCall, about: AdminAction, error: GatewayError): Promise<never> {
    return await this.#report(call, about, () => Promise.reject(error), true)
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
   * Closes a source to new statements in all processes, or opens it again. Those that run, and open transactions, go on.
   * @throws GatewayError FORBIDDEN, UNKNOWN_SOURCE, STATE_UNAVAILABLE
   */
  async drain(call: AdminCall, name: string, isDrained: boolean): Promise<ActionReach> {
    const kind = isDrained ? 'drain' : 'undrain'
    return await this.#everywhereAt(call, `${kind}_source`, name, {}, ({ name: source }) => ({ kind, source }))
  }

  /**
   * Holds the circuit breakers of a source open or closed in all processes, or leaves them to the outcome of calls again.
   * @param address of one of its servers; by default all
   * @throws GatewayError FORBIDDEN, UNKNOWN_SOURCE, BAD_REQUEST, UNIMPLEMENTED if the source has no breaker, STATE_UNAVAILABLE
   */
  async setBreaker(call: AdminCall, name: string, mode: BreakerMode, address?: string): Promise<ActionReach> {
    const details = { mode, ...(address !== undefined && { address: address.slice(0, MAX_REASON_CHARACTERS) }) }
    return await this.#everywhereAt(call, 'set_breaker', name, details, (source) => {
      if (!source.setBreaker)
        throw new GatewayError('BAD_REQUEST', `The source ${source.name} has no circuit breaker (${source.kind}).`)
      return { kind: 'breaker', source: source.name, mode, address }
    })
  }

  /**
   * Reads the configuration again and applies it: on this replica, and in all its workers.
   * @param isDryRun whether to tell what a reload would do, and to change nothing
   * @throws GatewayError FORBIDDEN without the grant; BAD_REQUEST with all problems if it is refused, and nothing has changed
   */
  async reload(call: AdminCall, isDryRun = false): Promise<AppliedReload> {
    const about = { action: 'reload_config', ...(isDryRun && { details: { dryRun: true } }) }
    return await this.#report(call, about, async () => {
      const report = await this.#deps.reloader.reload(call.ctx.principal.name, isDryRun)
      const { outcome } = report
      if (outcome !== 'refused') return { ...report, outcome }
      const problems = report.problems.join('\n')
      throw new GatewayError('BAD_REQUEST', `The configuration was not reloaded, and nothing has changed:\n${problems}`)
    })
  }

  /**
   * Seals with a new key in all processes; what the last ones have sealed opens on.
   * @throws GatewayError FORBIDDEN, UNIMPLEMENTED if the configuration decides about the keys, STATE_UNAVAILABLE
   */
  async rotateKeys(call: AdminCall): Promise<ActionReach> {
    return await this.#report(call, { action: 'rotate_seal_keys' }, async () => {
      const { obstacle } = this.#deps.keys
      if (obstacle !== undefined) throw new GatewayError('UNIMPLEMENTED', obstacle)
      return await this.#everywhere.run({ kind: 'rotate-keys' })
    })
  }

  async #everywhereAt(
    call: AdminCall,
    action: string,
    name: string,
    details: NonNullable<AdminAction['details']>,
    actionOf: (source: Source) => ProcessAction,
  ): Promise<ActionReach> {
    const about = { action, source: this.#sourceName(name, call.ctx.principal), details }
    return await this.#report(call, about, async () => {
      if (name === '') throw new GatewayError('BAD_REQUEST', 'Set the name of the source: ListSources lists them.')
      return await this.#everywhere.run(actionOf(this.#deps.router.named(name)))
    })
  }

  /** The name of a source that a caller names, by which its grant is found; as it is, if there is none that it may see. */
  #sourceName(named: string, principal: Principal): string {
    try {
      return this.#deps.router.named(named, principal).name
    } catch {
      return named.slice(0, MAX_REASON_CHARACTERS)
    }
  }

  /** Carries out an action in this process; another one may have asked for it. @throws GatewayError */
  #apply(action: ProcessAction): void {
    const { router, drains, keys } = this.#deps
    if (action.kind === 'rotate-keys') {
      keys.rotate()
      return
    }
    const source = router.named(action.source)
    if (action.kind === 'breaker') source.setBreaker?.(action.mode, action.address)
    else drains.set(source.name, action.kind === 'drain')
  }

  /**
   * Runs an action of an operator and reports how it ended.
   * @param isAllowed whether the caller may do it; by default whether it may operate the source of the action, or else all sources
   * @throws GatewayError FORBIDDEN; what `run` throws
   */
  async #report<T>(
    { ctx, reason }: AdminCall,
    about: AdminAction,
    run: () => Promise<T>,
    isAllowed = mayControlOthers(ctx.principal, about.source),
  ): Promise<T> {
    const why = reason?.slice(0, MAX_REASON_CHARACTERS)
    const told = { ...bounded(about), reason: why }
    const report = (failure?: GatewayError) => this.#deps.observer.onAdminAction(ctx, told, failure)
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

/** The action with what its caller wrote shortened: any caller may ask for it, and the answer to most is a refusal. */
function bounded({ action, target, source, details }: AdminAction): AdminAction {
  const short = <T>(value: T) => (typeof value === 'string' ? value.slice(0, MAX_REASON_CHARACTERS) : value)
  const entries = Object.entries(details ?? {}).map(([name, value]) => [name, short(value)] as const)
  return {
    action,
    target: short(target),
    source: short(source),
    ...(details && { details: Object.fromEntries(entries) }),
  }
}

/** Whether the caller may operate a source at least. */
function operatesAny({ ctx }: AdminCall): boolean {
  return operatedSources(ctx.principal).length > 0
}

function neverRuns(): Promise<never> {
  throw new GatewayError('FORBIDDEN')
}
