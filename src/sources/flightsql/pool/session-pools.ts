import { LRUCache } from 'lru-cache'
import type { Endpoint } from './endpoint.ts'
import type { Endpoints } from './endpoints.ts'

/** Schemas that sessions have chosen and whose connections are kept. */
const MAX_SCHEMAS = 16

/**
 * The connections of a source: those whose session is as configured, and those for clients that chose a schema, since a
 * connection's session belongs to whoever uses it next and must never be changed under them.
 */
export class SessionPools {
  readonly #make: (schema: string | undefined) => Endpoints
  readonly #configured: Endpoints
  readonly #bySchema = new LRUCache<string, Endpoints>({
    max: MAX_SCHEMAS,
    dispose: (upstreams) => void upstreams.retire(),
  })

  /** @param make opens the connections of sessions with this schema, or the configured one */
  constructor(make: (schema: string | undefined) => Endpoints) {
    this.#make = make
    this.#configured = make(undefined)
  }

  /** Connections whose sessions have this schema. */
  of(schema: string | undefined): Endpoints {
    if (schema === undefined) return this.#configured
    let chosen = this.#bySchema.get(schema)
    if (!chosen) {
      chosen = this.#make(schema)
      this.#bySchema.set(schema, chosen)
    }
    return chosen
  }

  /** The addresses of all of them; one address several times where sessions have chosen schemas. */
  get all(): readonly Endpoint[] {
    return [this.#configured, ...this.#bySchema.values()].flatMap(({ all }) => all)
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#configured, ...this.#bySchema.values()].map((upstreams) => upstreams.close()))
  }
}
