import { LRUCache } from 'lru-cache'
import type { Endpoint } from './endpoint.ts'
import type { Endpoints } from './endpoints.ts'

/** Most schemas with pools of their own; the least recently used is evicted first. */
const MAX_SCHEMAS = 16

/**
 * The pools of a source: those with the configured session, and those for each schema that clients choose. Clients share
 * connections, so that the session of a connection must never change.
 */
export class SessionPools {
  readonly #make: (schema: string | undefined) => Endpoints
  readonly #configured: Endpoints
  readonly #bySchema = new LRUCache<string, Endpoints>({
    max: MAX_SCHEMAS,
    dispose: (endpoints) => void endpoints.retire(),
  })

  /** @param make creates the endpoints for a schema; undefined means the configured session */
  constructor(make: (schema: string | undefined) => Endpoints) {
    this.#make = make
    this.#configured = make(undefined)
  }

  /** The endpoints whose sessions have this schema. */
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

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#configured, ...this.#bySchema.values()].map((endpoints) => endpoints.close()))
  }
}
