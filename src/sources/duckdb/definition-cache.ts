import type { Logger } from '../../query/types.ts'
import type { DuckDbCatalog, UserDefinitions } from './catalog.ts'
import type { PlanCache } from './plan-cache.ts'

/** Time limit of the question, in milliseconds. */
const MAX_ASK_MS = 5000

/** Remembers the definitions until they may have changed: to list them takes DuckDB tens of milliseconds. */
export class DefinitionCache {
  readonly #catalog: DuckDbCatalog
  readonly #plans: PlanCache
  readonly #log: Logger
  #known: { readonly version: number; readonly definitions: UserDefinitions } | undefined
  #asking: { readonly version: number; readonly answer: Promise<UserDefinitions> } | undefined

  constructor(catalog: DuckDbCatalog, plans: PlanCache, log: Logger) {
    this.#catalog = catalog
    this.#plans = plans
    this.#log = log
  }

  /** @throws GatewayError */
  read(): UserDefinitions | Promise<UserDefinitions> {
    const version = this.#plans.definitionsVersion
    if (this.#known?.version === version) return this.#known.definitions
    if (this.#asking?.version === version) return this.#asking.answer
    const answer = this.#ask(version)
    this.#asking = { version, answer }
    return answer
  }

  async #ask(version: number): Promise<UserDefinitions> {
    const signal = AbortSignal.timeout(MAX_ASK_MS)
    const principal = { name: 'gateway', roles: [] }
    const deadlineAt = Date.now() + MAX_ASK_MS
    try {
      const definitions = await this.#catalog.definitions({
        principal,
        signal,
        deadlineAt,
        requestId: 'definitions',
        log: this.#log,
      })
      this.#known = { version, definitions }
      return definitions
    } finally {
      if (this.#asking?.version === version) this.#asking = undefined
    }
  }
}
