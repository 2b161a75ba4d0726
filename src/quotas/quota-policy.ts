import { principalNamed } from '../query/control/principal-named.ts'
import type { Caller, Principal, Quotas } from '../query/types.ts'

/** Which quota refused a request or a statement. */
export type RefusalReason = 'requests' | 'statements' | 'bytes'

/** Whose quota it is, for sentences: without credentials each client has its own. */
export function ownerOf({ principal, holder }: Caller): string {
  return holder === undefined ? principal.name : 'this client'
}

/** Which quotas apply to a principal: its own ones, and the general ones where it has none. */
export class QuotaPolicy {
  #general: Quotas = {}
  #principals: readonly Principal[] = []
  #byPrincipal = new WeakMap<Principal, Quotas>()
  #limited: ReadonlySet<string> = new Set()

  /** @param principals those with API keys @param ofGroups quotas that members of groups have */
  constructor(general: Quotas, principals: readonly Principal[], ofGroups: readonly Quotas[] = []) {
    this.update(general, principals, ofGroups)
  }

  /** Replaces all quotas. */
  update(general: Quotas, principals: readonly Principal[], ofGroups: readonly Quotas[] = []): void {
    this.#general = { ...general }
    this.#principals = principals
    this.#byPrincipal = new WeakMap()
    const all = [general, ...ofGroups, ...principals.map(({ quotas }) => quotas ?? {})]
    this.#limited = new Set(all.flatMap((each) => Object.entries(each).flatMap(([name, max]) => (max ? [name] : []))))
  }

  of(principal: Principal): Quotas {
    let quotas = this.#byPrincipal.get(principal)
    if (!quotas) {
      quotas = { ...this.#general, ...principal.quotas }
      this.#byPrincipal.set(principal, quotas)
    }
    return quotas
  }

  /** Whether the quota limits any principal. */
  limitsAny(name: keyof Quotas): boolean {
    return this.#limited.has(name)
  }

  /** The principal with this name. @throws GatewayError UNKNOWN_PRINCIPAL */
  named(name: string): Principal {
    return principalNamed(this.#principals, name)
  }
}
