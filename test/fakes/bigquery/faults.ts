/** Something that goes wrong on purpose. */
export interface Fault {
  /** The call: `jobs.insert`, `jobs.query`, `jobs.getQueryResults`, `tables.get`, `CreateReadSession`, `ReadRows` ...; every call if absent. */
  readonly method?: string
  /** Only requests for which it is true, by method and body or message. */
  readonly when?: (request: unknown) => boolean
  /** How often; 1 by default. */
  readonly times?: number
  /** REST: the answer instead of the real one. */
  readonly error?: { readonly status: number; readonly reason: string; readonly message: string }
  /** REST: a body that is no JSON, as proxies answer. */
  readonly text?: { readonly status: number; readonly body: string }
  /** The connection breaks without an answer, after the request took effect if `late`; ReadRows: the stream is reset after `afterMessages` messages. */
  readonly reset?: boolean
  /** The request takes effect before `error` or `reset` hides its answer. */
  readonly late?: boolean
  /** Waits so long before the answer. */
  readonly delayMs?: number
  /** Storage API: ends the call with a gRPC status, after `afterMessages` messages (0 by default). */
  readonly status?: { readonly code: number; readonly message: string }
  readonly afterMessages?: number
  /** Storage API: sends nothing more after `afterMessages` messages. */
  readonly stall?: boolean
}

/** The faults in waiting, oldest first. */
export class Faults {
  readonly #waiting: { fault: Fault; left: number }[] = []

  /** @returns what takes the fault back */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? 1 }
    this.#waiting.push(entry)
    return () => {
      entry.left = 0
    }
  }

  clear(): void {
    this.#waiting.length = 0
  }

  /** The fault that a call meets; counts it. */
  take(method: string, request: unknown): Fault | undefined {
    const entry = this.#waiting.find(
      ({ fault, left }) =>
        left > 0 && (fault.method === undefined || fault.method === method) && (fault.when?.(request) ?? true),
    )
    if (!entry) return undefined
    entry.left--
    return entry.fault
  }
}
