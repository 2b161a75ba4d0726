import type { Config } from '../config/config.ts'
import { GatewayError } from '../query/errors.ts'
import type { Source } from '../query/source.ts'
import type { Context, Logger } from '../query/types.ts'

/** How a source was found when it was last looked at. */
export interface SourceState {
  readonly source: string
  /** Undefined until it has been looked at for the first time. */
  readonly isUp: boolean | undefined
  /** Since when it has been so, in Unix milliseconds. */
  readonly since: number
}

/** Looks at each source after the start and then again and again, and tells the log of each that does not answer, once. */
export class SourceWatch {
  readonly #sources: readonly Source[]
  readonly #log: Logger
  readonly #intervals: Config['health']
  readonly #states = new Map<string, SourceState>()
  readonly #closing = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<unknown> | undefined

  constructor(sources: readonly Source[], intervals: Config['health'], log: Logger) {
    this.#sources = sources
    this.#intervals = intervals
    this.#log = log
    for (const { name } of sources) this.#states.set(name, { source: name, isUp: undefined, since: Date.now() })
  }

  /** The sources in the order of the configuration. */
  get states(): readonly SourceState[] {
    return [...this.#states.values()]
  }

  /** Looks at all sources now, and from then on. */
  start(): void {
    if (this.#intervals.intervalMs === 0) return
    this.#timer = setInterval(() => this.#look(), this.#intervals.intervalMs)
    this.#timer.unref()
    this.#look()
  }

  /** Looks at all sources, unless that is going on. */
  #look(): void {
    this.#looking ??= Promise.all(this.#sources.map((source) => this.#check(source))).finally(() => {
      this.#looking = undefined
    })
  }

  /** Looks no more. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort(new GatewayError('CANCELLED', 'The gateway is shutting down.'))
    await this.#looking
  }

  async #check(source: Source): Promise<void> {
    const { timeoutMs } = this.#intervals
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])
    const ctx: Context = {
      principal: { name: 'flightgate', roles: ['reader'] },
      signal,
      deadlineAt: Date.now() + timeoutMs,
      requestId: 'source-watch',
      log: this.#log,
    }
    const { ok, detail } = await source.health(ctx).catch((error: unknown) => ({
      ok: false,
      detail: GatewayError.from(error).message,
    }))
    if (!this.#closing.signal.aborted) this.#tell(source.name, ok, detail)
  }

  #tell(source: string, isUp: boolean, detail: string): void {
    const { isUp: wasUp } = this.#states.get(source)!
    if (isUp === wasUp) return
    this.#states.set(source, { source, isUp, since: Date.now() })
    const fields = { event: 'source', source, state: isUp ? 'up' : 'down' }
    if (!isUp) this.#log.warn({ ...fields, reason: detail }, `source ${source} does not answer: ${detail}`)
    else if (wasUp === false) this.#log.info(fields, `source ${source} answers again`)
  }
}
