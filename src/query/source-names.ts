import { untilAborted } from '../async/until-aborted.ts'
import { sees } from './access/allows.ts'
import { GatewayError } from './errors.ts'
import type { Source } from './source.ts'
import { readTableHeads, type TableHead } from './text/table-names.ts'
import type { Context } from './types.ts'

/** How long the cached catalogs of a source are fresh, in milliseconds. */
const FRESH_MS = 60_000
/** Delay before the gateway asks a source again that did not answer, in milliseconds. */
const RETRY_MS = 15_000
/** Timeout for listing the catalogs of a source, in milliseconds. */
const MAX_ASK_MS = 2000

interface Known {
  /** Lower-case name to the name as the source spells it. */
  readonly catalogs: ReadonlyMap<string, string>
  readonly until: number
  /** Why the source did not answer the last request. */
  readonly error?: unknown
}

/** Resolves names to sources. Caches the catalogs of each source; during an outage, the cached catalogs stay in use. */
export class SourceNames {
  #sources: readonly Source[]
  readonly #known = new WeakMap<Source, Known>()
  readonly #asking = new Map<Source, Promise<void>>()

  constructor(sources: readonly Source[]) {
    this.#sources = sources
  }

  /** Replaces the sources. What is known of those that stay remains known. */
  update(sources: readonly Source[]): void {
    this.#sources = sources
  }

  /**
   * Resolves a catalog that a session selects: to the source that has it, else to the source with this name.
   * @param home preferred if several sources have the catalog
   * @returns the source, and the catalog as the source spells it; undefined if no source has it
   * @throws GatewayError if a source that may have the catalog does not answer
   */
  async chosen(
    catalog: string,
    ctx: Context,
    home?: Source,
  ): Promise<{ readonly source: Source; readonly catalog: string } | undefined> {
    const wanted = catalog.toLowerCase()
    const sources = this.#visible(ctx)
    if (home && (await this.#hasCatalog(home, wanted, ctx)))
      return { source: home, catalog: this.#catalogs(home).get(wanted)! }
    const named = sources.find(({ name }) => name.toLowerCase() === wanted)
    if (named && (await this.#hasCatalog(named, wanted, ctx)))
      return { source: named, catalog: this.#catalogs(named).get(wanted)! }
    await this.#learn(sources, ctx)
    const source = sources.find((each) => this.#catalogs(each).has(wanted))
    if (source) return { source, catalog: this.#catalogs(source).get(wanted)! }
    if (named) return { source: named, catalog: named.name }
    const silent = sources.map((each) => this.#known.get(each)).find((known) => known?.error !== undefined)
    if (silent) throw silent.error
    return undefined
  }

  /**
   * Resolves the source of a statement: the source whose catalogs its qualified names begin with, else `home`. See
   * docs/clients.md, "Which source answers".
   * @param home the source of names without a catalog
   * @throws GatewayError BAD_SQL if the names belong to several sources; the signal's reason
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
    // In a two-part name, the first part is a schema if one with that name exists.
    const [only = home] = named
    for (const head of heads.filter(({ isCatalog }) => !isCatalog)) {
      const owner = await this.#ownerOf(head, only, ctx)
      if (owner && (named.size > 0 || owner !== home)) named.add(owner)
    }
    if (named.size > 1) {
      const names = [...named].map(({ name }) => name)
      throw new GatewayError(
        'BAD_SQL',
        `The statement names tables of several sources (${names.join(', ')}), and one statement runs on one source: read each source with a separate statement.`,
      )
    }
    return [...named][0] ?? home
  }

  /** Returns the source with the catalog that a name begins with; undefined if there is none, or it is a schema of `home`. */
  async #ownerOf({ name, isCatalog }: TableHead, home: Source, ctx: Context): Promise<Source | undefined> {
    if (await this.#hasCatalog(home, name, ctx)) return isCatalog || isNamed(home, name) ? home : undefined
    const owner =
      this.#visible(ctx).find((source) => isNamed(source, name)) ?? (await this.#onlyOneWith(name, isCatalog, ctx))
    if (!owner || owner === home) return owner
    return (!isCatalog || home.catalog.hasPaths) && (await hasSchema(home, name, ctx)) ? undefined : owner
  }

  /** For a principal there are only the sources on which it has a grant. */
  #visible({ principal }: Context): readonly Source[] {
    return this.#sources.filter(({ name }) => sees(principal, name))
  }

  /** @throws GatewayError BAD_SQL when several sources have the catalog */
  async #onlyOneWith(name: string, isCatalog: boolean, ctx: Context): Promise<Source | undefined> {
    const sources = this.#visible(ctx)
    const having = () => sources.filter((source) => this.#catalogs(source).has(name))
    // If no cache has the catalog, ask the sources: one may not have been asked, or not have answered.
    if (having().length === 0) await this.#learn(sources, ctx, isCatalog)
    const [first, ...others] = having()
    if (others.length === 0) return first
    if (!isCatalog) return undefined
    const names = [first!, ...others].map((source) => source.name).join(', ')
    throw new GatewayError(
      'BAD_SQL',
      `Several sources (${names}) have the catalog that the statement names: choose a source with the header x-flightgate-source.`,
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
   * Asks the sources whose catalogs are not cached or are stale.
   * @param waits whether to wait for sources that have cached catalogs as well
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
    // Other calls share this request, so it does not use this call's signal.
    const signal = AbortSignal.timeout(MAX_ASK_MS)
    const deadlineAt = Date.now() + MAX_ASK_MS
    const ctx: Context = { principal, requestId, log, signal, deadlineAt, ...(metadata && { metadata }) }
    try {
      const names = await untilAborted(source.catalog.catalogs(ctx), signal)
      const catalogs = new Map(names.map((name) => [name.toLowerCase(), name]))
      this.#known.set(source, { catalogs, until: Date.now() + FRESH_MS })
    } catch (cause) {
      const error = signal.aborted
        ? new GatewayError('SOURCE_UNAVAILABLE', `The source ${source.name} did not list its catalogs in time.`, {
            cause,
          })
        : cause
      this.#known.set(source, { catalogs: this.#catalogs(source), until: Date.now() + RETRY_MS, error })
    }
  }
}

function isNamed(source: Source, name: string): boolean {
  return source.name.toLowerCase() === name
}

/** Whether a source has a schema with this name or below it. Returns true during an outage, because the schema may exist; false if the source has nothing for the caller. */
async function hasSchema(source: Source, name: string, ctx: Context): Promise<boolean> {
  try {
    const entries = await source.catalog.schemas(undefined, ctx)
    return entries.some(({ schema }) => {
      const known = schema.toLowerCase()
      return known === name || known.startsWith(`${name}.`)
    })
  } catch (error) {
    const { code, row } = GatewayError.from(error)
    if (code === 'FORBIDDEN') return false
    if (row.outage) return true
    throw error
  }
}
