import type { Scope } from '../../async/scope.ts'
import type { Config } from '../../config/config.ts'
import { mustReopen } from '../../config/reload/reopening.ts'
import type { Source } from '../../query/source.ts'
import type { SourceSettings } from '../../sources/kind.ts'
import { divideMemory } from '../duckdb-memory.ts'
import { type OpenSource, openSource, type SourceOpening } from '../sources.ts'
import { StartError } from '../start-error.ts'

/** Tells a removed source that is still open from those in force. */
const ENDING = ' (until its calls have ended)'
/** Interval at which the gateway looks whether a retired source is idle, in milliseconds. */
const CHECK_MS = 50
/** Time that statements have to end once they are told to, in milliseconds. */
const END_MS = 5000

/** What may still use a source that is in force no longer. */
export interface RetiredWork {
  isBusy(): boolean
  /** Ends it, because the grace time is over. */
  end(graceMs: number): void
}

/** Sources that were opened for new settings, by name. */
export type OpenedSources = ReadonlyMap<string, OpenSource>

/** The sources of a gateway: those in force, and those that a reload has replaced or removed and that still work for calls. */
export class LiveSources {
  readonly #opening: SourceOpening
  #entries: ReadonlyMap<string, OpenSource>
  readonly #retired = new Set<OpenSource>()
  readonly #closing = new AbortController()

  private constructor(opening: SourceOpening, entries: ReadonlyMap<string, OpenSource>) {
    this.#opening = opening
    this.#entries = entries
  }

  /**
   * Opens the configured sources. The scope closes them, and all later ones, in parallel.
   * @throws StartError about the first source that cannot be opened
   */
  static async open(opening: SourceOpening, scope: Scope): Promise<LiveSources> {
    const { config, kinds, metrics } = opening
    // `/metrics` lists the metrics of every kind, configured or not.
    for (const kind of Object.values(kinds)) kind.declareMetrics?.(metrics.ofSources.of(''))
    const sources = new LiveSources(opening, await openAll(opening, config, Object.keys(config.sources)))
    scope.defer(() => sources.#close())
    return sources
  }

  /** The sources in force, in the order of the configuration. */
  get all(): readonly Source[] {
    return [...this.#entries.values()].map(({ source }) => source)
  }

  /** The source with this name in force; otherwise one that was removed and still works. */
  of(name: string): Source | undefined {
    const entry = this.#entries.get(name) ?? [...this.#retired].find(({ source }) => source.name === name)
    return entry?.source
  }

  /** Whether threads of any source may be running that would delay the end of the process. */
  get hasActiveThreads(): boolean {
    return [...this.#entries.values(), ...this.#retired].some(({ source }) => source.hasActiveThreads)
  }

  /**
   * Opens the sources that new settings add or change, beside those in force.
   * @throws StartError about the first source that cannot be opened. Then it leaves nothing open
   */
  async prepare(next: Config): Promise<OpenedSources> {
    const { kinds } = this.#opening
    const names = Object.entries(next.sources).flatMap(([name, settings]) => {
      const running = this.#entries.get(name)?.settings
      return running && !mustReopen(running, settings, kinds) ? [] : [name]
    })
    if (names.length === 0) return new Map()
    this.#checkFiles(next, names)
    return await openAll(this.#opening, next, names)
  }

  /** Puts opened sources in force. @returns those that are in force no longer, which the caller retires */
  apply(next: Config, opened: OpenedSources): readonly OpenSource[] {
    const before = [...this.#entries.values()]
    const entries = Object.entries(next.sources).map(([name, settings]): [string, OpenSource] => [
      name,
      opened.get(name) ?? { ...this.#entries.get(name)!, settings },
    ])
    this.#entries = new Map(entries)
    const kept = new Set(this.all)
    const retired = before.filter(({ source }) => !kept.has(source))
    for (const each of retired) this.#retired.add(each)
    return retired
  }

  /**
   * Closes a source when it is idle. After the grace time, it ends what still runs there.
   * @param work that may still use the source
   */
  async retire(entry: OpenSource, { isBusy, end }: RetiredWork, graceMs: number): Promise<void> {
    const { log } = this.#opening
    const { name } = entry.source
    await this.#whileBusy(isBusy, graceMs)
    if (this.#closing.signal.aborted) return
    const fields = { event: 'source', source: name, state: 'closed' }
    const isCut = isBusy()
    if (isCut) {
      end(graceMs)
      await this.#whileBusy(isBusy, END_MS)
    }
    await closeOne(entry).catch((err: unknown) => log.error({ ...fields, err }, `closing the source ${name} failed`))
    this.#retired.delete(entry)
    const why = `its calls did not end within ${graceMs} ms (drain.sourceGraceMs)`
    if (isCut) log.warn(fields, `the former source ${name} is closed: ${why}`)
    else log.info(fields, `the former source ${name} is closed`)
  }

  async #whileBusy(isBusy: () => boolean, withinMs: number): Promise<void> {
    const until = Date.now() + withinMs
    while (isBusy() && Date.now() < until && !this.#closing.signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS).unref())
  }

  /** @throws StartError if a new source has a database file that another source still has open, and one of them changes it */
  #checkFiles(next: Config, names: readonly string[]): void {
    const { kinds } = this.#opening
    const open = new Map<string, SourceSettings>()
    for (const { source, settings } of this.#retired) open.set(`${source.name}${ENDING}`, settings)
    for (const [name, { settings }] of this.#entries) open.set(name, settings)
    for (const name of names) {
      const settings = next.sources[name]!
      const { [name]: _, ...others } = Object.fromEntries(open)
      const ofKind = Object.entries({ ...others, [name]: settings }).filter(([, { kind }]) => kind === settings.kind)
      const [problem] = kinds[settings.kind]!.sharedProblems?.(Object.fromEntries(ofKind)) ?? []
      if (problem !== undefined)
        throw new StartError(
          problem.includes(ENDING)
            ? `${problem}. Try again in a moment: that source is being closed`
            : `${problem}. Remove that source with an earlier reload, or restart`,
        )
      if (!open.has(name)) open.set(name, settings)
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#entries.values(), ...this.#retired].map(closeOne))
  }
}

/** Closes sources that were opened for settings that do not come into force. */
export async function closeSources(opened: OpenedSources): Promise<void> {
  await Promise.all([...opened.values()].map(closeOne))
}

async function closeOne({ source, metrics }: OpenSource): Promise<void> {
  metrics.end()
  await source.close()
}

async function openAll(opening: SourceOpening, config: Config, names: readonly string[]): Promise<OpenedSources> {
  const { kinds, storesBytes, log } = opening
  const memoryLimits = divideMemory(config, storesBytes, kinds, log)
  const opened = new Map<string, OpenSource>()
  try {
    for (const name of names)
      opened.set(name, await openSource(opening, name, config.sources[name]!, memoryLimits.get(name)))
    return opened
  } catch (error) {
    await closeSources(opened).catch(() => {})
    throw error
  }
}
