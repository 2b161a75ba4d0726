import { LRUCache } from 'lru-cache'
import type { Endpoint } from './endpoint.ts'
import type { Endpoints } from './endpoints.ts'

/** Schemas for which connections are kept. */
const MAX_SCHEMAS = 16

/**
 * The connections of a source: those with the configured session, and those for each schema that clients have chosen. A
 * connection serves many clients, so that its session must never change.
 */
export class SessionPools {
  readonly #make: (schema: string | undefined) => Endpoints
  readonly #configured: Endpoints
  readonly #bySchema = new LRUCache<string, Endpoints>({
    max: MAX_SCHEMAS,
    dispose: (upstreams) => void upstreams.retire(),
  })

  /** @param make opens connections for this schema, or for the configured one */
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

  /** All endpoints: an address has one for each schema. */
  get all(): readonly Endpoint[] {
    return [this.#configured, ...this.#bySchema.values()].flatMap(({ all }) => all)
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#configured, ...this.#bySchema.values()].map((upstreams) => upstreams.close()))
  }
}
