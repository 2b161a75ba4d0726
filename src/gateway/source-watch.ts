import type { Config } from '../config/config.ts'
import { GatewayError } from '../query/errors.ts'
import type { Source } from '../query/source.ts'
import type { Context, Logger } from '../query/types.ts'

/** State of a source at its last check. */
export interface SourceState {
  readonly source: string
  /** Undefined before the first check. */
  readonly isUp: boolean | undefined
  /** Time of the last change, in Unix milliseconds. */
  readonly since: number
}

function unchecked(source: string): SourceState {
  return { source, isUp: undefined, since: Date.now() }
}

/** Checks each source at start and then at an interval, and logs each change between up and down once. */
export class SourceWatch {
  #sources: readonly Source[]
  readonly #log: Logger
  readonly #intervals: Config['health']
  #states = new Map<string, SourceState>()
  readonly #closing = new AbortController()
  #startedMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #checking: Promise<unknown> | undefined

  constructor(sources: readonly Source[], intervals: Config['health'], log: Logger) {
    this.#sources = sources
    this.#intervals = intervals
    this.#log = log
    for (const { name } of sources) this.#states.set(name, unchecked(name))
  }

  /** The sources in the order of the configuration. */
  get states(): readonly SourceState[] {
    return [...this.#states.values()]
  }

  /** The state of a source by its name. */
  stateOf(source: string): SourceState {
    return this.#states.get(source) ?? unchecked(source)
  }

  /** Checks all sources now and then at the interval. */
  start(): void {
    this.#startedMs = this.#intervals.intervalMs
    if (this.#startedMs === 0) return
    this.#timer = setInterval(() => this.#checkAll(), this.#intervals.intervalMs)
    this.#timer.unref()
    this.#checkAll()
  }

  /** Follows changed sources, which it checks at once, and a changed interval. */
  update(sources: readonly Source[]): void {
    const added = sources.filter((source) => !this.#sources.includes(source))
    this.#sources = sources
    this.#states = new Map(sources.map(({ name }) => [name, this.#states.get(name) ?? unchecked(name)]))
    if (this.#closing.signal.aborted) return
    if (this.#intervals.intervalMs > 0) for (const source of added) void this.#check(source)
    if (this.#startedMs === this.#intervals.intervalMs) return
    clearInterval(this.#timer)
    this.start()
  }

  /** Checks all sources, unless a check is in progress. */
  #checkAll(): void {
    this.#checking ??= Promise.all(this.#sources.map((source) => this.#check(source))).finally(() => {
      this.#checking = undefined
    })
  }

  /** Stops the checks, cancels the one in progress and waits for its end. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort(new GatewayError('CANCELLED', 'The gateway is shutting down.'))
    await this.#checking
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
    // A reload may have replaced the source meanwhile.
    if (!this.#closing.signal.aborted && this.#sources.includes(source)) this.#setState(source.name, ok, detail)
  }

  #setState(source: string, isUp: boolean, detail: string): void {
    const { isUp: wasUp } = this.#states.get(source)!
    if (isUp === wasUp) return
    this.#states.set(source, { source, isUp, since: Date.now() })
    const fields = { event: 'source', source, state: isUp ? 'up' : 'down' }
    if (!isUp) this.#log.warn({ ...fields, reason: detail }, `source ${source} does not answer: ${detail}`)
    else if (wasUp === false) this.#log.info(fields, `source ${source} answers again`)
  }
}
