import type { Router } from '../router.ts'
import type { EndpointStatus, Source } from '../source.ts'
import type { Principal } from '../types.ts'

/** Outcome of the last health check of a source; `unknown` before the first one. */
export interface SourceHealth {
  readonly state: 'unknown' | 'up' | 'down'
  /** Unix time of the last change in milliseconds; absent before the first check. */
  readonly since?: number
}

/** A source as its callers see it. */
export interface SourceSummary {
  readonly name: string
  readonly kind: string
  /** Whether the source allows statements that change data. */
  readonly writes: boolean
  /** Whether the caller's statements run here if they name no source. */
  readonly isDefault: boolean
  readonly health: SourceHealth
  /** Whether an operator drains it: it takes no new statements on this replica. */
  readonly isDraining: boolean
}

/** The slots of a source on this replica. */
export interface SlotStatus {
  /** Statements that may run at the same time. */
  readonly total: number
  /** Statements that run or are read. */
  readonly used: number
  /** Statements that wait for a slot. */
  readonly queued: number
}

/** A source with its statistics on this replica. */
export interface SourceDetails extends SourceSummary {
  readonly slots: SlotStatus
  /** Its servers; empty for an embedded engine. */
  readonly endpoints: readonly EndpointStatus[]
}

/** Dependencies of `SourceStatus`. */
export interface SourceStatusDependencies {
  readonly router: Router
  /** Health of a source by its name. */
  healthOf(source: string): SourceHealth
  /** Whether an operator drains a source, by its name. */
  isDraining(source: string): boolean
  /** The concurrency limiter of a source by its name. */
  slotsOf(source: string): { readonly slots: number; readonly inUse: number; readonly queued: number }
}

/** Tells callers which sources there are and how they do. */
export class SourceStatus {
  readonly #deps: SourceStatusDependencies

  constructor(deps: SourceStatusDependencies) {
    this.#deps = deps
  }

  /** The sources on which a principal has a grant, in the order of the configuration. */
  list(principal: Principal): readonly SourceSummary[] {
    return this.#deps.router.visibleTo(principal).map((source) => this.#summaryOf(source, principal))
  }

  /** @param name of the source, or its kind if only one source has that kind. @throws GatewayError UNKNOWN_SOURCE */
  get(name: string, principal: Principal): SourceDetails {
    const source = this.#deps.router.named(name, principal)
    const { slots, inUse, queued } = this.#deps.slotsOf(source.name)
    return {
      ...this.#summaryOf(source, principal),
      slots: { total: slots, used: inUse, queued },
      endpoints: source.endpoints?.() ?? [],
    }
  }

  #summaryOf({ name, kind, writes }: Source, principal: Principal): SourceSummary {
    const { router, healthOf, isDraining } = this.#deps
    return {
      name,
      kind,
      writes,
      isDefault: isDefaultOf(router, principal, name),
      health: healthOf(name),
      isDraining: isDraining(name),
    }
  }
}

/** Whether a source is the one of calls that name none. The one of the configuration may be one that the principal does not see. */
function isDefaultOf(router: Router, principal: Principal, name: string): boolean {
  try {
    return router.route(undefined, {}, principal).name === name
  } catch {
    return false
  }
}
