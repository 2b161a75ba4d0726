import { untilAborted } from '../async/until-aborted.ts'
import { GatewayError } from './errors.ts'
import type { Source } from './source.ts'
import { readTableHeads, type TableHead } from './text/table-names.ts'
import type { Context } from './types.ts'

/** How long a source's catalogs are taken as they were, and when one that did not answer is asked again, in milliseconds. */
const FRESH_MS = 60_000
const RETRY_MS = 15_000
/** How long a source may take to tell its catalogs, in milliseconds. */
const MAX_ASK_MS = 2000

interface Known {
  /** In lower case, each with the name as the source writes it. */
  readonly catalogs: ReadonlyMap<string, string>
  readonly until: number
  /** Why it did not answer when it was asked last. */
  readonly error?: unknown
}

/** Which source a name belongs to. What the sources' catalogs are is remembered; an outage leaves what was known. */
export class SourceNames {
  readonly #sources: readonly Source[]
  readonly #known = new Map<Source, Known>()
  readonly #asking = new Map<Source, Promise<void>>()

  constructor(sources: readonly Source[]) {
    this.#sources = sources
  }

  /**
   * The source that a session means by a catalog: the one that has it, else the one with this name.
   * @param home comes first where several have such a catalog
   * @returns also the catalog as the source writes it; undefined when no source has it
   * @throws GatewayError when a source that may have it does not answer
   */
  async chosen(
    catalog: string,
    ctx: Context,
    home?: Source,
  ): Promise<{ readonly source: Source; readonly catalog: string } | undefined> {
    const wanted = catalog.toLowerCase()
    if (home && (await this.#hasCatalog(home, wanted, ctx)))
      return { source: home, catalog: this.#catalogs(home).get(wanted)! }
    const named = this.#sources.find(({ name }) => name.toLowerCase() === wanted)
    if (named && (await this.#hasCatalog(named, wanted, ctx)))
      return { source: named, catalog: this.#catalogs(named).get(wanted)! }
    await this.#learn(this.#sources, ctx)
    const source = this.#sources.find((each) => this.#catalogs(each).has(wanted))
    if (source) return { source, catalog: this.#catalogs(source).get(wanted)! }
    if (named) return { source: named, catalog: named.name }
    const silent = this.#sources.map((each) => this.#known.get(each)).find((known) => known?.error !== undefined)
    if (silent) throw silent.error
    return undefined
  }

  /**
   * The source of a statement: the one whose catalogs its qualified names begin with, else `home`. See docs/clients.md,
   * "Which source answers".
   * @param home where names without a catalog are looked up
   * @throws GatewayError BAD_SQL when they are of several sources; the signal's reason
   */
  async ofStatement(sql: string, home: Source, ctx: Context): Promise<Source> {
    if (this.#sources.length < 2) return home
    const reading = readTableHeads(sql, ctx)
    const heads = reading instanceof Promise ? await reading : reading
    if (heads.length === 0) return home
    const named = new Set<Source>()
    for (const head of heads.filter(({ isCatalog }) => isCatalog)) {
      const owner = await this.#ownerOf(head, home, ctx)
      if (owner) named.add(owner)
    }
    // Of two parts, the first is a schema where there is one of that name.
    const [only = home] = named
    for (const head of heads.filter(({ isCatalog }) => !isCatalog)) {
      const owner = await this.#ownerOf(head, only, ctx)
      if (owner && (named.size > 0 || owner !== home)) named.add(owner)
    }
    if (named.size > 1) {
      const names = [...named].map(({ name }) => name)
      throw new GatewayError(
        'BAD_SQL',
        `The statement names tables of several sources (${names.join(', ')}), and one statement runs on one source: read each with a statement of its own.`,
      )
    }
    return [...named][0] ?? home
  }

  /** The source that has the catalog that a name begins with; undefined when none has, or it is a schema of `home`. */
  async #ownerOf({ name, isCatalog }: TableHead, home: Source, ctx: Context): Promise<Source | undefined> {
    if (await this.#hasCatalog(home, name, ctx)) return isCatalog || isNamed(home, name) ? home : undefined
    const owner = this.#named(name) ?? (await this.#onlyOneWith(name, isCatalog, ctx))
    if (!owner || owner === home) return owner
    return (!isCatalog || home.catalog.hasPaths) && (await hasSchema(home, name, ctx)) ? undefined : owner
  }

  #named(name: string): Source | undefined {
    return this.#sources.find((source) => isNamed(source, name))
  }

  /** @throws GatewayError BAD_SQL when several sources have the catalog */
  async #onlyOneWith(name: string, isCatalog: boolean, ctx: Context): Promise<Source | undefined> {
    const having = () => this.#sources.filter((source) => this.#catalogs(source).has(name))
    // What nobody is known to have may be of a source that has not been asked, or has not answered.
    if (having().length === 0) await this.#learn(this.#sources, ctx, isCatalog)
    const [first, ...others] = having()
    if (others.length === 0) return first
    if (!isCatalog) return undefined
    const names = [first!, ...others].map((source) => source.name).join(', ')
    throw new GatewayError(
      'BAD_SQL',
      `Several sources (${names}) have a catalog of the name that the statement's tables begin with: choose one by the header x-flightgate-source.`,
    )
  }

  async #hasCatalog(source: Source, name: string, ctx: Context): Promise<boolean> {
    if (!this.#catalogs(source).has(name)) await this.#learn([source], ctx)
    return this.#catalogs(source).has(name)
  }

  #catalogs(source: Source): ReadonlyMap<string, string> {
    return this.#known.get(source)?.catalogs ?? new Map()
  }

  /**
   * Asks those sources whose catalogs are not known, or not any more.
   * @param waits also for sources that were asked before
   */
  async #learn(sources: readonly Source[], ctx: Context, waits = true): Promise<void> {
    const stale = sources.filter((source) => (this.#known.get(source)?.until ?? 0) < Date.now())
    const asked = stale.map((source) =>
      this.#known.has(source) && !waits ? void this.#ask(source, ctx) : this.#ask(source, ctx),
    )
    if (asked.some((each) => each !== undefined)) await untilAborted(Promise.all(asked), ctx.signal)
  }

  #ask(source: Source, ctx: Context): Promise<void> {
    const pending = this.#asking.get(source)
    if (pending) return pending
    const asking = this.#read(source, ctx).finally(() => this.#asking.delete(source))
    this.#asking.set(source, asking)
    return asking
  }

  async #read(source: Source, { principal, requestId, log, metadata }: Context): Promise<void> {
    // Others wait for the answer too: it does not end with this call.
    const signal = AbortSignal.timeout(MAX_ASK_MS)
    const deadlineAt = Date.now() + MAX_ASK_MS
    const ctx: Context = { principal, requestId, log, signal, deadlineAt, ...(metadata && { metadata }) }
    try {
      const names = await untilAborted(source.catalog.catalogs(ctx), signal)
      const catalogs = new Map(names.map((name) => [name.toLowerCase(), name]))
      this.#known.set(source, { catalogs, until: Date.now() + FRESH_MS })
    } catch (cause) {
      const error = signal.aborted
        ? new GatewayError('SOURCE_UNAVAILABLE', `The source ${source.name} does not tell its catalogs.`, { cause })
        : cause
      this.#known.set(source, { catalogs: this.#catalogs(source), until: Date.now() + RETRY_MS, error })
    }
  }
}

function isNamed(source: Source, name: string): boolean {
  return source.name.toLowerCase() === name
}

/** Whether a source has a schema of this name, or below it; also when it cannot be asked, for then it may. */
async function hasSchema(source: Source, name: string, ctx: Context): Promise<boolean> {
  try {
    const entries = await source.catalog.schemas(undefined, ctx)
    return entries.some(({ schema }) => {
      const known = schema.toLowerCase()
      return known === name || known.startsWith(`${name}.`)
    })
  } catch (error) {
    if (GatewayError.from(error).row.outage) return true
    throw error
  }
}
